// SPDX-License-Identifier: Apache-2.0
#include "datus/core/error.hpp"
#include "datus/core/half.hpp"
#include "datus/model/weights.hpp"
#include "model/weights/damaged_file.hpp"
#include "model/weights/little_endian.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace datus {
namespace {

struct ElementTypeInfo {
  ElementType type;
  std::size_t size;
  const char* name;
};

/// In the order of the enumeration.
constexpr std::array element_types{
    ElementTypeInfo{ElementType::f64, 8, "float64"},
    ElementTypeInfo{ElementType::f32, 4, "float32"},
    ElementTypeInfo{ElementType::f16, 2, "float16"},
    ElementTypeInfo{ElementType::bf16, 2, "bfloat16"},
    ElementTypeInfo{ElementType::f8_e4m3, 1, "float8_e4m3"},
    ElementTypeInfo{ElementType::f8_e5m2, 1, "float8_e5m2"},
    ElementTypeInfo{ElementType::f8_e8m0, 1, "float8_e8m0"},
    ElementTypeInfo{ElementType::i64, 8, "int64"},
    ElementTypeInfo{ElementType::i32, 4, "int32"},
    ElementTypeInfo{ElementType::i16, 2, "int16"},
    ElementTypeInfo{ElementType::i8, 1, "int8"},
    ElementTypeInfo{ElementType::u64, 8, "uint64"},
    ElementTypeInfo{ElementType::u32, 4, "uint32"},
    ElementTypeInfo{ElementType::u16, 2, "uint16"},
    ElementTypeInfo{ElementType::u8, 1, "uint8"},
    ElementTypeInfo{ElementType::boolean, 1, "bool"},
    ElementTypeInfo{ElementType::c64, 8, "complex64"},
    ElementTypeInfo{ElementType::c128, 16, "complex128"},
};
static_assert(std::ranges::all_of(element_types, [](const ElementTypeInfo& info) {
  return &info == &element_types[static_cast<std::size_t>(info.type)];
}));

const ElementTypeInfo& info(ElementType type) noexcept {
  return element_types[static_cast<std::size_t>(type)];
}

float decode_f64(std::span<const std::byte> data, std::size_t offset) noexcept {
  return static_cast<float>(load_little_endian<double>(data, offset));
}
float decode_f32(std::span<const std::byte> data, std::size_t offset) noexcept {
  return load_little_endian<float>(data, offset);
}
float decode_f16(std::span<const std::byte> data, std::size_t offset) noexcept {
  return to_float(half{load_little_endian<std::uint16_t>(data, offset)});
}
float decode_bf16(std::span<const std::byte> data, std::size_t offset) noexcept {
  return std::bit_cast<float>(std::uint32_t{load_little_endian<std::uint16_t>(data, offset)} << 16U);
}

/// Visits the elements in row-major order; the innermost dimension is a plain loop.
template <class Decode>
void copy_strided(const WeightTensor& tensor, Decode decode, std::span<float> to) {
  const std::size_t size = element_size(tensor.type);
  const std::size_t rank = tensor.shape.size();
  const std::size_t inner = rank == 0 ? 1 : static_cast<std::size_t>(tensor.shape[rank - 1]);
  const std::size_t inner_stride = rank == 0 ? 0 : static_cast<std::size_t>(tensor.strides[rank - 1]);
  std::vector<std::int64_t> index(rank, 0);
  std::size_t written = 0;
  while (written < to.size()) {
    std::size_t element = 0;
    for (std::size_t d = 0; d + 1 < rank; ++d) {
      element += static_cast<std::size_t>(index[d]) * static_cast<std::size_t>(tensor.strides[d]);
    }
    for (std::size_t i = 0; i < inner; ++i) {
      to[written + i] = decode(tensor.data, (element + i * inner_stride) * size);
    }
    written += inner;
    for (std::size_t d = rank - (rank > 0 ? 1 : 0); d-- > 0;) {
      if (++index[d] < tensor.shape[d]) break;
      index[d] = 0;
    }
  }
}

}  // namespace

std::size_t element_size(ElementType type) noexcept {
  return info(type).size;
}

const char* to_string(ElementType type) noexcept {
  return info(type).name;
}

std::int64_t WeightTensor::elements() const noexcept {
  if (std::ranges::find(shape, 0) != shape.end()) return 0;  // whatever the other sizes are: no overflow
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return count;
}

std::string shape_text(std::span<const std::int64_t> shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + "]";
}

void to_floats(const WeightTensor& tensor, std::span<float> to, const std::string& source) {
  if (to.size() != static_cast<std::size_t>(tensor.elements())) {
    throw SystemError("tensor " + tensor.name + " is read to " + std::to_string(to.size()) + " values",
                      "it has the shape " + shape_text(tensor.shape), "Pass room for all of it.");
  }
  switch (tensor.type) {
    case ElementType::f64:
      copy_strided(tensor, decode_f64, to);
      break;
    case ElementType::f32:
      copy_strided(tensor, decode_f32, to);
      break;
    case ElementType::f16:
      copy_strided(tensor, decode_f16, to);
      break;
    case ElementType::bf16:
      copy_strided(tensor, decode_bf16, to);
      break;
    case ElementType::i32:
    case ElementType::i8:
    case ElementType::u8:
      throw InputError("cannot use tensor " + tensor.name + " of " + source,
                       std::string("its type is ") + to_string(tensor.type) + ", as quantised weights have it",
                       "Use the weights from before they were quantised, float32, float16 or bfloat16.");
    default:
      throw InputError("cannot use tensor " + tensor.name + " of " + source,
                       std::string("its type is ") + to_string(tensor.type),
                       "Use a file whose weights are float64, float32, float16 or bfloat16.");
  }
  if (!std::ranges::all_of(to, [](float value) { return std::isfinite(value); })) {
    throw_damaged(source, "tensor " + tensor.name + " holds a value that is not a finite float32");
  }
}

std::vector<float> to_floats(const WeightTensor& tensor, const std::string& source) {
  std::vector<float> values(static_cast<std::size_t>(tensor.elements()));
  to_floats(tensor, values, source);
  return values;
}

}  // namespace datus
