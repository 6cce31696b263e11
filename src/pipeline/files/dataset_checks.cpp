// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/dataset_checks.hpp"

#include "datus/core/error.hpp"
#include "datus/core/half.hpp"

#include <cmath>
#include <limits>

namespace datus {
namespace {

std::string quoted(std::string_view name) {
  return (name.starts_with('/') ? "" : "/") + std::string(name);
}

}  // namespace

void throw_inconsistent(const Hdf5Reader& reader, const std::string& what) {
  throw InputError(reader.path().string() + " contradicts itself", what, "Make the file again.");
}

void require_shape(const Hdf5Reader& reader, std::string_view name, const Shape& expected, std::string_view because) {
  const Shape shape = reader.shape(name);
  if (shape == expected) return;
  throw_inconsistent(reader, quoted(name) + " has the shape " + to_string(shape) + ", not " + to_string(expected) +
                                 ": " + std::string(because));
}

void require_offsets(const Hdf5Reader& reader, std::string_view name, std::span<const std::int64_t> offsets,
                     std::int64_t rows, std::string_view of) {
  if (offsets.empty() || offsets.front() != 0) throw_inconsistent(reader, quoted(name) + " does not begin at 0");
  for (std::size_t i = 1; i < offsets.size(); ++i) {
    if (offsets[i] >= offsets[i - 1]) continue;
    throw_inconsistent(reader, quoted(name) + " falls from " + std::to_string(offsets[i - 1]) + " to " +
                                   std::to_string(offsets[i]) + " in row " + std::to_string(i));
  }
  if (offsets.back() == rows) return;
  throw_inconsistent(reader, quoted(name) + " ends at " + std::to_string(offsets.back()) + ", " + quoted(of) + " has " +
                                 std::to_string(rows) + " rows");
}

void require_ascending(const Hdf5Reader& reader, std::string_view name, std::span<const std::int64_t> indices) {
  std::int64_t before = -1;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] <= before) {
      throw_inconsistent(reader, quoted(name) + " holds " + std::to_string(indices[i]) + " in row " +
                                     std::to_string(i) + ", where more than " + std::to_string(before) +
                                     " is expected");
    }
    before = indices[i];
  }
}

int int_attribute(const Hdf5Reader& reader, std::string_view object, std::string_view name, int lowest) {
  const auto value = reader.attribute<std::int64_t>(object, name);
  if (value < lowest || value > std::numeric_limits<int>::max()) {
    throw_inconsistent(reader, "its attribute " + std::string(name) + " is " + std::to_string(value) + ", not " +
                                   std::to_string(lowest) + " or more");
  }
  return static_cast<int>(value);
}

namespace {

bool is_finite(half value) {
  return all_finite(std::span(&value, 1));
}
template <class T>
bool is_finite(T value) {
  return std::isfinite(value);
}

template <class T>
void require_all_finite(std::span<const T> values, std::int64_t row_size, std::int64_t first_row,
                        const std::string& place) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (is_finite(values[i])) continue;
    throw InputError("A value of " + place + " is not finite",
                     "row " + std::to_string(first_row + static_cast<std::int64_t>(i) / row_size),
                     "Make the file again without NaN and infinity.");
  }
}

}  // namespace

void require_finite(std::span<const half> values, std::int64_t row_size, std::int64_t first_row,
                    const std::string& place) {
  require_all_finite(values, row_size, first_row, place);
}
void require_finite(std::span<const float> values, std::int64_t row_size, std::int64_t first_row,
                    const std::string& place) {
  require_all_finite(values, row_size, first_row, place);
}
void require_finite(std::span<const double> values, std::int64_t row_size, std::int64_t first_row,
                    const std::string& place) {
  require_all_finite(values, row_size, first_row, place);
}

}  // namespace datus
