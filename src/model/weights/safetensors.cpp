// SPDX-License-Identifier: Apache-2.0
#include "model/weights/safetensors.hpp"

#include "model/weights/damaged_file.hpp"
#include "model/weights/json_file.hpp"
#include "model/weights/little_endian.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include <nlohmann/json.hpp>

namespace datus {
namespace {

using nlohmann::json;

constexpr std::size_t length_bytes = 8;

/// A tensor and where its data lies, relative to the end of the header.
struct Placed {
  WeightTensor tensor;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

std::optional<ElementType> parse_type(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, ElementType>, 17> types{{{"F64", ElementType::f64},
                                                                            {"F32", ElementType::f32},
                                                                            {"F16", ElementType::f16},
                                                                            {"BF16", ElementType::bf16},
                                                                            {"F8_E4M3", ElementType::f8_e4m3},
                                                                            {"F8_E5M2", ElementType::f8_e5m2},
                                                                            {"F8_E8M0", ElementType::f8_e8m0},
                                                                            {"I64", ElementType::i64},
                                                                            {"I32", ElementType::i32},
                                                                            {"I16", ElementType::i16},
                                                                            {"I8", ElementType::i8},
                                                                            {"U64", ElementType::u64},
                                                                            {"U32", ElementType::u32},
                                                                            {"U16", ElementType::u16},
                                                                            {"U8", ElementType::u8},
                                                                            {"C64", ElementType::c64},
                                                                            {"BOOL", ElementType::boolean}}};
  for (const auto& [name, type] : types) {
    if (name == text) return type;
  }
  return std::nullopt;
}

std::uint64_t parse_count(const json& value, const std::string& what, const std::string& source) {
  if (!value.is_number_unsigned()) throw_damaged(source, what + " is not a natural number");
  return value.get<std::uint64_t>();
}

/// The shape, checked so that its number of bytes fits in 63 bits.
std::vector<std::int64_t> parse_shape(const json& value, std::size_t element_bytes, const std::string& name,
                                      const std::string& source) {
  constexpr std::size_t most_dimensions = 8;
  if (!value.is_array() || value.size() > most_dimensions)
    throw_damaged(source, "the shape of " + name + " is not one");
  std::vector<std::int64_t> shape;
  auto room = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / element_bytes;
  for (const json& entry : value) {
    const std::uint64_t size = parse_count(entry, "the shape of " + name, source);
    if (size > room) throw_damaged(source, "tensor " + name + " is too large");
    if (size > 0) room /= size;
    shape.push_back(static_cast<std::int64_t>(size));
  }
  return shape;
}

const json& member(const json& object, const char* key, const std::string& name, const std::string& source) {
  const auto found = object.find(key);
  if (found == object.end()) throw_damaged(source, "the header has no " + std::string(key) + " for " + name);
  return *found;
}

Placed parse_tensor(const std::string& name, const json& entry, std::uint64_t data_size, const std::string& source) {
  if (!entry.is_object()) throw_damaged(source, "the header's entry " + name + " is not an object");
  const json& type_name = member(entry, "dtype", name, source);
  const auto type = type_name.is_string() ? parse_type(type_name.get_ref<const std::string&>()) : std::nullopt;
  if (!type) throw_damaged(source, "tensor " + name + " has the unknown type " + printable(type_name.dump()));
  Placed placed;
  placed.tensor.name = name;
  placed.tensor.type = *type;
  placed.tensor.shape = parse_shape(member(entry, "shape", name, source), element_size(*type), name, source);
  placed.tensor.strides.assign(placed.tensor.shape.size(), 1);
  for (std::size_t d = placed.tensor.shape.size(); d-- > 1;) {
    placed.tensor.strides[d - 1] = placed.tensor.strides[d] * placed.tensor.shape[d];
  }
  const json& offsets = member(entry, "data_offsets", name, source);
  if (!offsets.is_array() || offsets.size() != 2) throw_damaged(source, "the place of " + name + " is not a pair");
  placed.begin = parse_count(offsets[0], "the place of " + name, source);
  placed.end = parse_count(offsets[1], "the place of " + name, source);
  const std::uint64_t size = static_cast<std::uint64_t>(placed.tensor.elements()) * element_size(*type);
  if (placed.end > data_size) throw_damaged(source, "it ends before tensor " + name + " does: truncated");
  if (placed.begin > placed.end || placed.end - placed.begin != size) {
    throw_damaged(source, "the place of " + name + " does not fit its shape " + shape_text(placed.tensor.shape));
  }
  return placed;
}

/// Tensors must follow each other without gap or overlap and end with the file.
void check_cover(const std::vector<Placed>& tensors, std::uint64_t data_size, const std::string& source) {
  std::uint64_t end = 0;
  for (const Placed& placed : tensors) {
    if (placed.begin != end) throw_damaged(source, "a gap or an overlap lies before tensor " + placed.tensor.name);
    end = placed.end;
  }
  if (end != data_size) throw_damaged(source, "bytes follow the last tensor");
}

}  // namespace

bool looks_like_safetensors(std::span<const std::byte> bytes) noexcept {
  return bytes.size() > length_bytes && bytes[length_bytes] == std::byte{'{'};
}

std::vector<WeightTensor> read_safetensors(std::span<const std::byte> bytes, const std::string& source) {
  if (bytes.size() < length_bytes) throw_damaged(source, "it is too short: truncated");
  const auto header_size = load_little_endian<std::uint64_t>(bytes, 0);
  if (header_size > bytes.size() - length_bytes)
    throw_damaged(source, "it ends inside the header of " + std::to_string(header_size) + " bytes: truncated");
  const json header = parse_weights_json(bytes.subspan(length_bytes, header_size), "the header", source);
  if (!header.is_object()) throw_damaged(source, "the header is not an object");
  const std::span<const std::byte> data = bytes.subspan(length_bytes + header_size);

  std::vector<Placed> placed;
  for (const auto& [name, entry] : header.items()) {
    if (name != "__metadata__") placed.push_back(parse_tensor(name, entry, data.size(), source));
  }
  std::ranges::sort(placed, {}, [](const Placed& p) { return std::pair(p.begin, p.end); });
  check_cover(placed, data.size(), source);
  std::vector<WeightTensor> tensors;
  tensors.reserve(placed.size());
  for (Placed& p : placed) {
    p.tensor.data = data.subspan(p.begin, p.end - p.begin);
    tensors.push_back(std::move(p.tensor));
  }
  return tensors;
}

}  // namespace datus
