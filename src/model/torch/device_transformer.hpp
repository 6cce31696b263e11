// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/model/normalise.hpp"
#include "datus/model/segment_crops.hpp"
#include "datus/model/vision_transformer.hpp"
#include "model/torch/readout.hpp"
#include "model/torch/token_base.hpp"
#include "model/torch/vit_weights.hpp"

#include <future>
#include <memory>
#include <span>
#include <vector>

namespace datus {

/// A Vision Transformer that runs on a device with memory of its own. Images go there as bytes, in batches; one is
/// computed while the next one is copied, which may be the next call's. Every batch has the same number of places, and
/// images of one call, or crops of several; the last one's rest stays unused: so an image's bits depend on the batch
/// size and its place, not on how many images came with it. Safe from several threads, which wait for each other. All
/// functions throw `DeviceMemoryError` where the device's memory does not suffice.
class DeviceTransformer {
 public:
  using Features = VisionTransformer::Features;
  using Batching = VisionTransformer::Batching;

  DeviceTransformer() = default;
  DeviceTransformer(const DeviceTransformer&) = delete;
  DeviceTransformer& operator=(const DeviceTransformer&) = delete;
  DeviceTransformer(DeviceTransformer&&) = delete;
  DeviceTransformer& operator=(DeviceTransformer&&) = delete;
  virtual ~DeviceTransformer() = default;

  /// As the functions of `VisionTransformer`, whose checks are done.
  [[nodiscard]] virtual std::future<Features> begin_forward(std::span<const Image* const> images,
                                                            const PixelScaling& scaling, GridSize grid,
                                                            const Readout& readout, const Batching& batching) = 0;
  [[nodiscard]] virtual std::future<std::vector<float>> begin_crop_vectors(const SegmentCrops& crops,
                                                                           const PixelScaling& scaling, GridSize grid,
                                                                           const Batching& batching) = 0;
  [[nodiscard]] virtual std::future<std::vector<float>> begin_segment_cls(std::span<const Image* const> images,
                                                                          const PixelScaling& scaling, GridSize grid,
                                                                          std::span<const std::int16_t> segment_maps,
                                                                          std::span<const int> segments,
                                                                          const Batching& batching) = 0;
  /// Normalised float32 images [batch, 3, height, width], as one batch.
  [[nodiscard]] virtual Features forward(std::span<const float> images, int batch, int height, int width, GridSize grid,
                                         const Readout& readout) = 0;
};

/// Puts a model on GPU `gpu`, as CUDA counts them. The first and third argument must outlive it; the weights are
/// copied. With `cuda_graphs` a batch's work is recorded once and started again by one call. `threads` of the CPU
/// prepare its batches. Throws `SystemError` in a build without CUDA.
[[nodiscard]] std::unique_ptr<DeviceTransformer> make_gpu_transformer(const ViTArchitecture& architecture,
                                                                      const ViTWeights& weights, TokenBase& token_base,
                                                                      int gpu, Precision precision, bool cuda_graphs,
                                                                      int threads);

}  // namespace datus
