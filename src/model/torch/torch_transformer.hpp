// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/torch/device_transformer.hpp"
#include "model/torch/readout.hpp"
#include "model/torch/token_base.hpp"
#include "model/torch/vit_weights.hpp"
#include "model/vit/transformer.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <future>
#include <memory>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

namespace datus {

/// The model on the CPU, image by image; or on a GPU, in batches.
class TorchTransformer final : public Transformer {
 public:
  struct State;

  /// As `VisionTransformer::load`.
  [[nodiscard]] static std::unique_ptr<Transformer> load(const std::filesystem::path& path, const ViTOptions& options);
  explicit TorchTransformer(std::unique_ptr<State> state);
  ~TorchTransformer() override;
  TorchTransformer(const TorchTransformer&) = delete;
  TorchTransformer& operator=(const TorchTransformer&) = delete;
  TorchTransformer(TorchTransformer&&) = delete;
  TorchTransformer& operator=(TorchTransformer&&) = delete;

  [[nodiscard]] const ViTArchitecture& architecture() const noexcept override;
  [[nodiscard]] const Preprocessing& preprocessing() const noexcept override;
  [[nodiscard]] Hash weights_hash() const noexcept override;
  [[nodiscard]] Features forward(std::span<const float> images, int batch, int height, int width,
                                 const Request& request) const override;
  [[nodiscard]] std::future<Features> begin_forward(std::span<const Image* const> images, const PixelScaling& scaling,
                                                    const Request& request, const Batching& batching) const override;
  [[nodiscard]] std::future<std::vector<float>> begin_crop_vectors(const SegmentCrops& crops,
                                                                   const PixelScaling& scaling,
                                                                   const Batching& batching) const override;
  [[nodiscard]] std::vector<float> segment_cls(std::span<const float> image, int height, int width,
                                               std::span<const std::int16_t> segment_map, int segments) const override;
  [[nodiscard]] std::future<std::vector<float>> begin_segment_cls(std::span<const Image* const> images,
                                                                  const PixelScaling& scaling,
                                                                  std::span<const std::int16_t> segment_maps,
                                                                  std::span<const int> segments,
                                                                  const Batching& batching) const override;

 private:
  /// On the CPU, whose checks are done.
  [[nodiscard]] Features forward(std::span<const Image* const> images, const PixelScaling& scaling,
                                 const Request& request, const Batching& batching) const;
  [[nodiscard]] std::vector<float> crop_vectors(const SegmentCrops& crops, const PixelScaling& scaling,
                                                const Batching& batching) const;
  [[nodiscard]] std::vector<float> segment_cls(std::span<const Image* const> images, const PixelScaling& scaling,
                                               std::span<const std::int16_t> segment_maps,
                                               std::span<const int> segments, const Batching& batching) const;
  void require_image_vector(int height, int width) const;
  void require_cls() const;
  std::unique_ptr<State> state_;
};

struct TorchTransformer::State {
  ViTArchitecture architecture;
  Preprocessing preprocessing;
  int threads = 1;
  ViTWeights weights;
  TokenBase token_base{architecture, weights};
  /// The model on a GPU; `weights` has no blocks then.
  std::unique_ptr<DeviceTransformer> device;

  /// One image on its way through the blocks.
  struct Stream {
    at::Tensor tokens;  ///< [leading + P, D]
    std::shared_ptr<const RotaryPositions> rotary;
    PatchPositions positions;

    [[nodiscard]] at::Tensor patches(const at::Tensor& rows) const {
      return rows.narrow(0, positions.first_patch, rows.size(0) - positions.first_patch);
    }
  };

  /// What enters the first block.
  [[nodiscard]] Stream embed(std::span<const float> image, int height, int width, GridSize grid);
  /// Runs one image and writes what is read to `embeddings` [P, D] and, if wanted, `cls` [image vector].
  void read(Stream image, const Readout& readout, std::span<float> embeddings, std::span<float> cls) const;
  /// The CLS token behind block `layer`, [1, D], given what enters it; nothing is computed for the
  /// other tokens but their keys and values. The keys get their rotary positions.
  [[nodiscard]] at::Tensor cls_only(const Stream& image, const at::Tensor& normalised, const at::Tensor& keys,
                                    const at::Tensor& values, std::size_t layer) const;
  /// The image's vector where a head makes it, [1, E].
  [[nodiscard]] at::Tensor image_vector(const at::Tensor& normalised_patches) const;
  [[nodiscard]] std::size_t layer_number(int layer) const;
};

/// Throws `SystemError` unless an array has as many values as the sizes given with it.
void check_size(std::size_t actual, std::size_t expected, const char* what);
/// Throws `InputError` when a map names a segment out of range or leaves one without patches.
void check_segment_map(std::span<const std::int16_t> map, int segments);

}  // namespace datus
