// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"
#include "datus/core/patch_box.hpp"
#include "datus/core/types.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace datus {

/// One segment whose crop is wanted.
struct CropPlace {
  int image = 0;    ///< among the images given with it
  int segment = 0;  ///< in that image's map
  PatchBox box;
};

/// Crops of segments, as `masked_crop` makes them.
struct SegmentCrops {
  /// Equally large model inputs, [grid.rows * patch, grid.cols * patch].
  std::span<const Image* const> images;
  /// [images, grid]: the segment of every patch, -1 for none.
  std::span<const std::int16_t> segment_maps;
  GridSize grid;
  int patch = 0;
  std::span<const CropPlace> places;
  int crop_resize = 256;
  int crop_size = 224;
  /// On a GPU, where crops of several calls share batches: the place in one, less whole batches, that the first crop
  /// has; the next ones follow it. A crop's last bits may depend on its place, and on nothing else of these. Calls
  /// whose places lie side by side fill their batches.
  std::size_t first_place = 0;

  [[nodiscard]] std::span<const std::int16_t> segment_map(int image) const {
    const auto patches = static_cast<std::size_t>(grid.patches());
    return segment_maps.subspan(static_cast<std::size_t>(image) * patches, patches);
  }
};

}  // namespace datus
