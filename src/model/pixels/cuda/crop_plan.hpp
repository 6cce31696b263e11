// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/cuda/memory.hpp"
#include "datus/core/types.hpp"
#include "datus/model/segment_crops.hpp"
#include "model/pixels/cuda/crop_kernels.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace datus::gpu_layers {

/// What the crop of a box takes of a batch's buffers.
struct CropRoom {
  std::size_t numbers = 0;  ///< of `CropBatch::firsts`, `counts` and `weights` together
  std::size_t rows = 0;     ///< between the two passes

  /// At least as much as the crop of any box in the grid takes.
  static CropRoom of_any_box(GridSize grid, int patch, int crop_resize, int crop_size);
};

/// What the kernels need to know of some crops: windows and weights of both passes of each. Made on the CPU, in double
/// precision as Pillow does it; the kernels only add up integers.
class CropPlan {
 public:
  /// Sizes as in `masked_crop`, on `threads` threads. `to`: the place of each in the batch, in their order where it is
  /// empty. Throws `InputError` for a box outside of the grid.
  CropPlan(std::span<const CropPlace> places, GridSize grid, int patch, int crop_resize, int crop_size, int threads,
           std::span<const std::int32_t> to = {});

  [[nodiscard]] int count() const { return static_cast<int>(crops_.size()); }
  /// What its crops take, all together.
  [[nodiscard]] CropRoom taken() const {
    return {firsts_.size() + counts_.size() + weights_.size(), static_cast<std::size_t>(all_rows_)};
  }

 private:
  friend class CropBuffers;

  GridSize grid_;
  int patch_;
  int crop_size_;
  CropRoom largest_;  ///< of one crop
  std::vector<Crop> crops_;
  int most_rows_ = 0;
  std::int64_t all_rows_ = 0;
  std::vector<std::int32_t> firsts_;
  std::vector<std::int32_t> counts_;
  std::vector<std::int32_t> weights_;
};

/// Memory for the crops of one batch, used again for the next. It depends on the shapes of batch and images alone, not
/// on the boxes: what was enough for one batch is so for all.
class CropBuffers {
 public:
  /// Cuts the crops of `plan`, `places` at most, from images uint8 [images, height, width, 3] with their segment maps
  /// [images, grid], both on the device, to `out` [places, crop_size, crop_size, 3] there, as work of the stream. The
  /// buffers are in use until that is done; the plan is not needed any more when the call returns.
  void cut(const CropPlan& plan, std::size_t places, const std::uint8_t* images, const std::int16_t* segment_maps,
           std::uint8_t* out, const cuda::Stream& stream);

 private:
  /// Pinned and on the device, together.
  template <class T>
  struct Both {
    cuda::PinnedArray<T> host;
    cuda::DeviceArray<T> device;
    void make_room(std::size_t size);
    const T* upload(std::span<const T> values, const cuda::Stream& stream);
  };
  Both<Crop> crops_;
  Both<std::int32_t> numbers_;
  cuda::DeviceArray<std::uint8_t> middle_;
  /// Behind the last upload: the pinned memory is free again.
  cuda::Event uploaded_;
};

}  // namespace datus::gpu_layers
