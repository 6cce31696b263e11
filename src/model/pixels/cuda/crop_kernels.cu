// SPDX-License-Identifier: Apache-2.0
#include "datus/core/cuda/launch.hpp"
#include "model/pixels/cuda/crop_kernels.hpp"
#include "model/pixels/resize_kernels.hpp"

namespace datus::gpu_layers {
namespace {

constexpr int threads = 128;

__device__ __forceinline__ std::uint8_t to_byte(std::int32_t sum) {
  const std::int32_t value = sum >> resize_kernels::weight_bits;
  return static_cast<std::uint8_t>(value < 0 ? 0 : (value > 255 ? 255 : value));
}

/// A block row per crop, a thread per pixel between the passes. What lies in other segments is black.
__global__ void resize_columns_kernel(CropBatch batch) {
  const Crop crop = batch.crops[blockIdx.y];
  const int index = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (index >= crop.rows * batch.crop_size) return;
  const int y = index / batch.crop_size;
  const int x = index % batch.crop_size;
  const int row = crop.top + crop.first_row + y;
  const int grid_cols = batch.width / batch.patch;
  const std::int16_t* const map =
      batch.segment_maps + (std::int64_t{crop.image} * (batch.height / batch.patch) + row / batch.patch) * grid_cols;
  const std::uint8_t* const pixels = batch.images + (std::int64_t{crop.image} * batch.height + row) * batch.width * 3;
  const int first = crop.left + batch.firsts[crop.horizontal.windows + x];
  const int count = batch.counts[crop.horizontal.windows + x];
  const std::int32_t* const weights = batch.weights + crop.horizontal.weights + x * crop.horizontal.taps;
  constexpr std::int32_t half_unit = std::int32_t{1} << (resize_kernels::weight_bits - 1);
  std::int32_t sums[3] = {half_unit, half_unit, half_unit};
  for (int tap = 0; tap < count; ++tap) {
    if (map[(first + tap) / batch.patch] != crop.segment) continue;
    for (int channel = 0; channel < 3; ++channel) sums[channel] += pixels[3 * (first + tap) + channel] * weights[tap];
  }
  std::uint8_t* const to = batch.middle + (std::int64_t{crop.middle + y} * batch.crop_size + x) * 3;
  for (int channel = 0; channel < 3; ++channel) to[channel] = to_byte(sums[channel]);
}

/// A block row per crop, a thread per byte of it.
__global__ void resize_rows_kernel(CropBatch batch) {
  const Crop crop = batch.crops[blockIdx.y];
  const int stride = batch.crop_size * 3;
  const int index = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (index >= batch.crop_size * stride) return;
  const int y = index / stride;
  const int first = batch.firsts[crop.vertical.windows + y] - crop.first_row;
  const int count = batch.counts[crop.vertical.windows + y];
  const std::int32_t* const weights = batch.weights + crop.vertical.weights + y * crop.vertical.taps;
  const std::uint8_t* from = batch.middle + std::int64_t{crop.middle + first} * stride + index % stride;
  std::int32_t sum = std::int32_t{1} << (resize_kernels::weight_bits - 1);
  for (int tap = 0; tap < count; ++tap, from += stride) sum += *from * weights[tap];
  batch.out[std::int64_t{crop.place} * batch.crop_size * stride + index] = to_byte(sum);
}

unsigned blocks_for(int items) {
  return static_cast<unsigned>((items + threads - 1) / threads);
}

}  // namespace

void cut_crops(const cuda::Stream& stream, const CropBatch& batch) {
  if (batch.count == 0) return;
  const auto crops = static_cast<unsigned>(batch.count);
  cuda::launch(stream, {dim3(blocks_for(batch.most_rows * batch.crop_size), crops), threads},
               "to resize the columns of crops", resize_columns_kernel, batch);
  cuda::launch(stream, {dim3(blocks_for(batch.crop_size * batch.crop_size * 3), crops), threads},
               "to resize the rows of crops", resize_rows_kernel, batch);
}

}  // namespace datus::gpu_layers
