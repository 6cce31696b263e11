// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/packed_mask.hpp"

#include "datus/core/error.hpp"
#include "datus/core/names.hpp"
#include "datus/io/mask_file.hpp"

#include <algorithm>
#include <span>

namespace datus {
namespace {

constexpr std::int32_t byte_unassigned = 255;
constexpr std::int32_t word_unassigned = 65535;

void require_labels(const LabelMap& map, int clusters) {
  const auto wrong = std::ranges::find_if(
      map.labels, [clusters](std::int32_t label) { return label < no_label || label >= clusters; });
  if (wrong == map.labels.end()) return;
  throw UsageError("Cannot store a mask",
                   "label " + std::to_string(*wrong) + " is not one of " + std::to_string(clusters) + " clusters",
                   "Pass the number of clusters that the labels come from.");
}

template <class Value>
DeflatedDataset packed(const LabelMap& map, std::int32_t unassigned) {
  std::vector<Value> values(map.labels.size());
  std::ranges::transform(map.labels, values.begin(), [unassigned](std::int32_t label) {
    return static_cast<Value>(label == no_label ? unassigned : label);
  });
  return deflate<Value>(values, {map.height, map.width});
}

}  // namespace

std::string packed_mask_name(std::int64_t position) {
  return "/mask/" + zero_padded(position, 6);
}

DeflatedDataset packed_mask(const LabelMap& labels, int clusters) {
  require_labels(labels, clusters);
  return needs_preview(clusters) ? packed<std::int32_t>(labels, word_unassigned)
                                 : packed<std::uint8_t>(labels, byte_unassigned);
}

Labels read_packed_mask(const Hdf5Reader& reader, std::int64_t position) {
  const std::string name = packed_mask_name(position);
  const Shape shape = reader.shape(name, 2);
  const int height = checked_cast<int>(shape[0], "The height of a mask");
  const int width = checked_cast<int>(shape[1], "The width of a mask");
  if (reader.dtype(name) == Dtype::u8) return ByteLabelMap{height, width, reader.read_verified<std::uint8_t>(name)};
  LabelMap map;
  map.height = height;
  map.width = width;
  map.labels = reader.read_verified<std::int32_t>(name);
  std::ranges::replace(map.labels, word_unassigned, no_label);
  return map;
}

void write_packing(Hdf5Writer& writer, int clusters) {
  write_colours(writer, "palette", label_palette(clusters), clusters);
  writer.attribute("/", "k", clusters);
  writer.attribute("/", "unassigned", needs_preview(clusters) ? word_unassigned : byte_unassigned);
}

void write_colours(Hdf5Writer& writer, const std::string& name, const Palette& palette, int count) {
  std::vector<std::uint8_t> values;
  for (int i = 0; i < count; ++i) {
    const Colour colour = palette.of(i);
    values.insert(values.end(), {colour.red, colour.green, colour.blue});
  }
  writer.write<std::uint8_t>(name, values, {count, 3});
}

}  // namespace datus
