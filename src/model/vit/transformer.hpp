// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/model/vision_transformer.hpp"

#include <cstdint>
#include <filesystem>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace datus {

/// What a `VisionTransformer` hides: the model, as LibTorch runs it. All functions are those of `VisionTransformer`.
class Transformer {
 public:
  using Request = VisionTransformer::Request;
  using Features = VisionTransformer::Features;
  using Batching = VisionTransformer::Batching;

  Transformer() = default;
  Transformer(const Transformer&) = delete;
  Transformer& operator=(const Transformer&) = delete;
  Transformer(Transformer&&) = delete;
  Transformer& operator=(Transformer&&) = delete;
  virtual ~Transformer() = default;

  [[nodiscard]] virtual const ViTArchitecture& architecture() const noexcept = 0;
  [[nodiscard]] virtual const Preprocessing& preprocessing() const noexcept = 0;
  [[nodiscard]] virtual Hash weights_hash() const noexcept = 0;
  [[nodiscard]] virtual Features forward(std::span<const float> images, int batch, int height, int width,
                                         const Request& request) const = 0;
  [[nodiscard]] virtual std::future<Features> begin_forward(std::span<const Image* const> images,
                                                            const PixelScaling& scaling, const Request& request,
                                                            const Batching& batching) const = 0;
  [[nodiscard]] virtual std::future<std::vector<float>> begin_crop_vectors(const SegmentCrops& crops,
                                                                           const PixelScaling& scaling,
                                                                           const Batching& batching) const = 0;
  [[nodiscard]] virtual std::vector<float> segment_cls(std::span<const float> image, int height, int width,
                                                       std::span<const std::int16_t> segment_map,
                                                       int segments) const = 0;
  [[nodiscard]] virtual std::future<std::vector<float>> begin_segment_cls(std::span<const Image* const> images,
                                                                          const PixelScaling& scaling,
                                                                          std::span<const std::int16_t> segment_maps,
                                                                          std::span<const int> segments,
                                                                          const Batching& batching) const = 0;

  [[nodiscard]] GridSize grid(int height, int width) const;
  [[nodiscard]] int image_vector_dim(int height, int width) const;
};

/// All that needs LibTorch, whose 300 libraries take half a second to load.
struct TransformerLibrary {
  std::unique_ptr<Transformer> (*load)(const std::filesystem::path& path, const ViTOptions& options);
  std::string (*torch_backend)();
  std::string (*gpu_backend)(int gpu, Precision precision);
};

/// Defined twice: in `datus_transformer` it is part of the program; in `datus_transformer_module`, which `datus` has,
/// the first call opens the module with it, and throws `SystemError` where that cannot be.
[[nodiscard]] const TransformerLibrary& transformer_library();

}  // namespace datus
