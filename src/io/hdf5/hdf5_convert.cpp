// SPDX-License-Identifier: Apache-2.0
#include "io/hdf5/hdf5_convert.hpp"

#include "datus/core/error.hpp"
#include "datus/core/half.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace datus::hdf5 {
namespace {

/// Elements that are converted at a time.
constexpr std::int64_t piece_elements = std::int64_t{1} << 18;

/// The rows to read and where they go.
struct Request {
  const File& file;
  const Dataset& dataset;
  std::int64_t first;
  std::int64_t count;
  void* values;
};

[[noreturn]] void fail_value(const Request& request, std::int64_t element, const std::string& value, Dtype wanted) {
  const std::int64_t row = request.first + element / request.dataset.row_elements();
  throw InputError(
      "Cannot read row " + std::to_string(row) + " of " + request.dataset.name + " of " + request.file.path().string(),
      "the value " + value + " does not fit " + std::string(to_string(wanted)),
      "Check the data, and store smaller values.");
}

/// Reads as From, piece by piece, and calls convert(values, place, number of the first element) for each piece.
template <class From, class To, class Convert>
void convert_pieces(const Request& request, Dtype from, const Convert& convert) {
  const Handle type = number_type(request.file, from);
  const std::int64_t row_elements = request.dataset.row_elements();
  if (request.count * row_elements == 0) return;
  const std::int64_t piece_rows = std::clamp<std::int64_t>(piece_elements / row_elements, 1, request.count);
  std::vector<From> piece(static_cast<std::size_t>(piece_rows * row_elements));
  for (std::int64_t row = 0; row < request.count; row += piece_rows) {
    const std::int64_t rows = std::min(piece_rows, request.count - row);
    read_rows(request.file, request.dataset, request.first + row, rows, type.get(), piece.data());
    const std::int64_t element = row * row_elements;
    const auto size = static_cast<std::size_t>(rows * row_elements);
    convert(std::span<const From>(piece).first(size), std::span(static_cast<To*>(request.values) + element, size),
            element);
  }
}

/// The same with a conversion of one value: convert(value, number of the element).
template <class From, class To, class Convert>
void convert_each(const Request& request, Dtype from, const Convert& convert) {
  const auto convert_piece = [&](std::span<const From> values, std::span<To> place, std::int64_t first) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      place[i] = convert(values[i], first + static_cast<std::int64_t>(i));
    }
  };
  convert_pieces<From, To>(request, from, convert_piece);
}

template <class To>
void read_integers(const Request& request, Dtype wanted) {
  const auto narrow = [&](auto value, std::int64_t element) {
    if (!std::in_range<To>(value)) fail_value(request, element, std::to_string(value), wanted);
    return static_cast<To>(value);
  };
  if (request.dataset.type.dtype == Dtype::u64) {
    convert_each<std::uint64_t, To>(request, Dtype::u64, narrow);
  } else {
    convert_each<std::int64_t, To>(request, Dtype::i64, narrow);
  }
}

void read_any_integers(const Request& request, Dtype wanted) {
  if (wanted == Dtype::i16) read_integers<std::int16_t>(request, wanted);
  if (wanted == Dtype::i32) read_integers<std::int32_t>(request, wanted);
  if (wanted == Dtype::i64) read_integers<std::int64_t>(request, wanted);
  if (wanted == Dtype::u8) read_integers<std::uint8_t>(request, wanted);
}

/// Halves are converted by the program: the library, to which they are a type like any other, goes bit by bit.
void read_halves_as_float(const Request& request) {
  convert_pieces<half, float>(
      request, Dtype::f16,
      [](std::span<const half> values, std::span<float> place, std::int64_t) { to_float(values, place); });
}

/// A bfloat16 is the upper half of a float.
float to_float(std::uint16_t brain_bits) {
  return std::bit_cast<float>(std::uint32_t{brain_bits} << 16U);
}

/// To f32 or f64.
template <class To>
void read_brain_floats(const Request& request) {
  convert_each<std::uint16_t, To>(request, Dtype::bf16,
                                  [](std::uint16_t bits, std::int64_t) { return To{to_float(bits)}; });
}

void read_floats_as_double(const Request& request) {
  if (request.dataset.type.dtype == Dtype::f16) {
    convert_each<half, double>(request, Dtype::f16, [](half value, std::int64_t) { return double{to_float(value)}; });
  } else {
    convert_each<float, double>(request, Dtype::f32, [](float value, std::int64_t) { return double{value}; });
  }
}

void read_doubles_rounded(const Request& request) {
  convert_each<double, float>(request, Dtype::f64, [&](double value, std::int64_t element) {
    const auto rounded = static_cast<float>(value);
    if (std::isinf(rounded) && std::isfinite(value)) fail_value(request, element, std::to_string(value), Dtype::f32);
    return rounded;
  });
}

}  // namespace

void read_converted(const File& file, const Dataset& dataset, Dtype wanted, Rounding rounding, std::int64_t first,
                    std::int64_t count, void* values) {
  const Request request{file, dataset, first, count, values};
  const Dtype stored = dataset.type.dtype;
  if (stored == wanted) return read_rows(file, dataset, first, count, number_type(file, wanted).get(), values);
  if (is_integer(stored) && is_integer(wanted)) return read_any_integers(request, wanted);
  if (stored == Dtype::f16 && wanted == Dtype::f32) return read_halves_as_float(request);
  if ((stored == Dtype::f16 || stored == Dtype::f32) && wanted == Dtype::f64) return read_floats_as_double(request);
  if (stored == Dtype::bf16 && wanted == Dtype::f32) return read_brain_floats<float>(request);
  if (stored == Dtype::bf16 && wanted == Dtype::f64) return read_brain_floats<double>(request);
  if (stored == Dtype::f64 && wanted == Dtype::f32 && rounding == Rounding::once) return read_doubles_rounded(request);
  throw InputError(dataset.name + " of " + file.path().string() + " has the wrong type",
                   "it is " + type_name(file, dataset) + " where " + std::string(to_string(wanted)) + " is expected",
                   "Give another dataset, or store it with that type.");
}

}  // namespace datus::hdf5
