// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace datus {

/// In which order the pixels of a mask follow each other.
enum class PixelOrder { by_row, by_column };

/// Lengths of runs of pixels, in turn without and with the label; the first may be 0. They add up to the pixels.
using Runs = std::vector<std::int64_t>;

/// The runs of each label that occurs, from one pass over the map; `no_label` has none.
[[nodiscard]] std::map<std::int32_t, Runs> label_runs(const LabelMap& map, PixelOrder order);

/// Runs by column as COCO's compressed text: pycocotools takes it as "counts" (format of its maskApi.c: differences to
/// the run before the last, five bits a character).
[[nodiscard]] std::string coco_counts(std::span<const std::int64_t> runs);

/// Runs by row as the bytes that Label Studio has as brush strokes, "format": "rle": each pixel is four values, 0 or
/// 255 (packed by @thi.ng/rle-pack with words of 8 bits and runs of 3, 4, 8 or 16 bits).
[[nodiscard]] std::vector<std::uint8_t> label_studio_brush(std::span<const std::int64_t> runs);

}  // namespace datus
