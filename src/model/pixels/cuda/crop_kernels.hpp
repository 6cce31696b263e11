// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/cuda/stream.hpp"

#include <cstdint>

// The crops of `masked_crop` on a GPU, bit for bit: sums of integers with the same weights.

namespace datus::gpu_layers {

/// One axis of one crop: a window of the source for each of the crop's `crop_size` pixels along it.
struct CropAxis {
  /// Where its windows begin in `CropBatch::firsts` and `counts`.
  std::int32_t windows;
  /// Where its weights begin in `CropBatch::weights`; window i has them from i * taps on.
  std::int32_t weights;
  std::int32_t taps;
};

/// One crop to be cut.
struct Crop {
  std::int32_t image;
  /// Its segment in the image's map.
  std::int32_t segment;
  /// Where it comes to in `CropBatch::out`.
  std::int32_t place;
  /// Pixels of the box in the image.
  std::int32_t top;
  std::int32_t left;
  /// Rows of the box that the crop needs: from `first_row` on, `rows` of them; they begin at row `middle` of the rows
  /// between the two passes of the batch.
  std::int32_t first_row;
  std::int32_t rows;
  std::int32_t middle;
  CropAxis horizontal;
  CropAxis vertical;
};

/// All pointers are of the device.
struct CropBatch {
  const std::uint8_t* images;        ///< [images, height, width, 3]
  const std::int16_t* segment_maps;  ///< [images, height / patch, width / patch]
  int height;
  int width;
  int patch;
  const Crop* crops;  ///< [count]
  int count;
  int crop_size;
  int most_rows;  ///< the largest Crop::rows
  const std::int32_t* firsts;
  const std::int32_t* counts;
  const std::int32_t* weights;
  std::uint8_t* middle;  ///< [all rows of all crops, crop_size, 3]
  std::uint8_t* out;     ///< [places, crop_size, crop_size, 3]
};

/// Puts both passes into the stream.
void cut_crops(const cuda::Stream& stream, const CropBatch& batch);

}  // namespace datus::gpu_layers
