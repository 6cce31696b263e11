// SPDX-License-Identifier: Apache-2.0
#include "io/datasets/truth_reader.hpp"

#include "datus/core/error.hpp"

#include <cstdint>
#include <string>

namespace datus::io_detail {
namespace {

[[noreturn]] void throw_unknown_value(const std::filesystem::path& path, int value, std::size_t pixel, int width) {
  const auto columns = static_cast<std::size_t>(width);
  throw InputError("Unknown label in ground truth " + path.string(),
                   "value " + std::to_string(value) + " in row " + std::to_string(pixel / columns) + ", column " +
                       std::to_string(pixel % columns) + " is no class and not void",
                   "Check dataset.classes, dataset.label_map and dataset.void.");
}

}  // namespace

LabelMap classes_of(const IndexImage& stored, const LabelTable& table, const std::filesystem::path& path) {
  LabelMap map(stored.height, stored.width);
  for (std::size_t pixel = 0; pixel < map.labels.size(); ++pixel) {
    const std::uint16_t value = stored.values[pixel];
    const std::int32_t label = table[value];
    if (label == LabelTable::outside) throw_unknown_value(path, value, pixel, stored.width);
    map.labels[pixel] = label;
  }
  return map;
}

}  // namespace datus::io_detail
