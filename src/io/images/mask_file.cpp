// SPDX-License-Identifier: Apache-2.0
#include "datus/io/mask_file.hpp"

#include "datus/core/error.hpp"
#include "datus/io/image_writer.hpp"
#include "io/images/png_decoder.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace datus {
namespace {

/// The labels as stored values, the largest value standing for `no_label`.
template <class Value>
std::vector<Value> stored_values(const std::filesystem::path& path, const LabelMap& map, int clusters) {
  std::vector<Value> values(map.labels.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::int32_t label = map.labels[i];
    if (label < no_label || label >= clusters) {
      const std::size_t width = static_cast<std::size_t>(std::max(map.width, 1));
      throw UsageError("Cannot write mask " + path.string(),
                       "label " + std::to_string(label) + " in row " + std::to_string(i / width) + ", column " +
                           std::to_string(i % width) + " is not one of " + std::to_string(clusters) + " clusters",
                       "Pass the number of clusters that the labels come from.");
    }
    values[i] = label == no_label ? std::numeric_limits<Value>::max() : static_cast<Value>(label);
  }
  return values;
}

void require_countable(const std::filesystem::path& path, int clusters) {
  if (clusters >= 1 && clusters <= max_mask_clusters) return;
  throw UsageError(
      "Cannot write mask " + path.string(),
      "a PNG holds at most " + std::to_string(max_mask_clusters) + " clusters, not " + std::to_string(clusters),
      "Use fewer clusters.");
}

}  // namespace

void write_mask(const std::filesystem::path& path, const LabelMap& labels, int clusters, const Palette& palette) {
  if (needs_preview(clusters)) return write_grey_mask(path, labels, clusters);
  require_countable(path, clusters);
  Palette shown = palette;
  shown.colours.clear();
  for (int i = 0; i < clusters; ++i) shown.colours.push_back(palette.of(i));
  write_palette_png(path, stored_values<std::uint8_t>(path, labels, clusters), labels.height, labels.width, shown);
}

void write_grey_mask(const std::filesystem::path& path, const LabelMap& map, int labels) {
  require_countable(path, labels);
  if (needs_preview(labels)) {
    write_grey16_png(path, stored_values<std::uint16_t>(path, map, labels), map.height, map.width);
  } else {
    write_grey_png(path, stored_values<std::uint8_t>(path, map, labels), map.height, map.width);
  }
}

void write_mask_preview(const std::filesystem::path& path, const LabelMap& labels, const Palette& palette) {
  Image image(labels.height, labels.width);
  for (std::size_t i = 0; i < labels.labels.size() && 3 * i < image.pixels.size(); ++i) {
    const Colour colour = palette.of(labels.labels[i]);
    image.pixels[3 * i] = colour.red;
    image.pixels[3 * i + 1] = colour.green;
    image.pixels[3 * i + 2] = colour.blue;
  }
  write_png(path, image);
}

LabelMap read_mask(const std::filesystem::path& path) {
  return widened(read_mask_labels(path));
}

Labels read_mask_labels(const std::filesystem::path& path) {
  io_detail::IndexImage stored = io_detail::read_index_png(path);
  if (auto* bytes = std::get_if<std::vector<std::uint8_t>>(&stored.values)) {
    return ByteLabelMap{.height = stored.height, .width = stored.width, .labels = std::move(*bytes)};
  }
  LabelMap map(stored.height, stored.width);
  std::ranges::transform(std::get<std::vector<std::uint16_t>>(stored.values), map.labels.begin(),
                         [](std::uint16_t value) {
                           return value == std::numeric_limits<std::uint16_t>::max() ? no_label : std::int32_t{value};
                         });
  return map;
}

}  // namespace datus
