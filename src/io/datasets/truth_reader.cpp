// SPDX-License-Identifier: Apache-2.0
#include "io/datasets/truth_reader.hpp"

#include "datus/core/error.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace datus::io_detail {
namespace {

[[noreturn]] void throw_unknown_value(const std::filesystem::path& path, int value, std::size_t pixel, int width) {
  const auto columns = static_cast<std::size_t>(width);
  throw InputError("Unknown label in ground truth " + path.string(),
                   "value " + std::to_string(value) + " in row " + std::to_string(pixel / columns) + ", column " +
                       std::to_string(pixel % columns) + " is no class and not void",
                   "Check dataset.classes, dataset.label_map and dataset.void.");
}

/// The labels that a table gives values, one for each pixel.
template <class Label, class Value>
std::vector<Label> labels_of(const std::vector<Value>& values, const LabelTable& table, int width,
                             const std::filesystem::path& path) {
  std::vector<Label> labels(values.size());
  for (std::size_t pixel = 0; pixel < values.size(); ++pixel) {
    const std::int32_t label = table[values[pixel]];
    if (label == LabelTable::outside) throw_unknown_value(path, values[pixel], pixel, width);
    labels[pixel] = static_cast<Label>(label);
  }
  return labels;
}

}  // namespace

Labels classes_of(IndexImage stored, const LabelTable& table, const std::filesystem::path& path) {
  auto* bytes = std::get_if<std::vector<std::uint8_t>>(&stored.values);
  if (bytes != nullptr && table.keeps_bytes()) return ByteLabelMap{stored.height, stored.width, std::move(*bytes)};
  return std::visit(
      [&](const auto& values) -> Labels {
        using Value = typename std::decay_t<decltype(values)>::value_type;
        constexpr std::int64_t no_byte = std::numeric_limits<std::uint8_t>::max();
        if (table.class_count(std::int64_t{std::numeric_limits<Value>::max()} + 1) <= no_byte) {
          return ByteLabelMap{stored.height, stored.width, labels_of<std::uint8_t>(values, table, stored.width, path)};
        }
        LabelMap map;
        map.height = stored.height;
        map.width = stored.width;
        map.labels = labels_of<std::int32_t>(values, table, stored.width, path);
        return map;
      },
      stored.values);
}

}  // namespace datus::io_detail
