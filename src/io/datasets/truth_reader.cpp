#include "io/datasets/truth_reader.hpp"

#include "datus/core/error.hpp"
#include "datus/io/image_reader.hpp"
#include "io/datasets/protocols.hpp"
#include "io/images/png_decoder.hpp"

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

/// Row-major [height, width] labels of the values that `value_at(pixel)` gives.
template <class ValueAt>
LabelMap look_up(const std::filesystem::path& path, int height, int width, const LabelTable& table,
                 const ValueAt& value_at) {
  LabelMap map(height, width);
  for (std::size_t pixel = 0; pixel < map.labels.size(); ++pixel) {
    const std::uint16_t value = value_at(pixel);
    const std::int32_t label = table[value];
    if (label == LabelTable::outside) throw_unknown_value(path, value, pixel, width);
    map.labels[pixel] = label;
  }
  return map;
}

}  // namespace

LabelMap IndexTruthReader::read(const std::filesystem::path& path) const {
  const IndexImage stored = read_index_png(path);
  return look_up(path, stored.height, stored.width, table_, [&](std::size_t pixel) { return stored.values[pixel]; });
}

LabelMap SuimTruthReader::read(const std::filesystem::path& path) const {
  constexpr unsigned half = 127;
  const Image mask = read_image(path);
  return look_up(path, mask.height, mask.width, table_, [&](std::size_t pixel) {
    const std::uint8_t* colour = &mask.pixels[3 * pixel];
    const unsigned bits = (colour[0] > half ? 4U : 0U) | (colour[1] > half ? 2U : 0U) | (colour[2] > half ? 1U : 0U);
    return static_cast<std::uint16_t>(protocols::suim_colour_to_8[bits]);
  });
}

}  // namespace datus::io_detail
