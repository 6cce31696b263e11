#pragma once

#include "datus/model/vision_transformer.hpp"
#include "model/vit/device_transformer.hpp"
#include "model/vit/readout.hpp"
#include "model/vit/token_base.hpp"
#include "model/vit/vit_weights.hpp"

#include <cstddef>
#include <memory>
#include <span>

#include <ATen/core/Tensor.h>

namespace datus {

/// What a `VisionTransformer` hides.
struct VisionTransformer::State {
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
