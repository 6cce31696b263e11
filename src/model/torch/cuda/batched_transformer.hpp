// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/types.hpp"
#include "datus/model/vit_architecture.hpp"
#include "model/torch/cuda/fused_layers.hpp"
#include "model/torch/readout.hpp"
#include "model/torch/token_base.hpp"
#include "model/torch/vit_weights.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

namespace datus {

/// A Vision Transformer that takes whole batches, on any device of LibTorch and in float32, bfloat16 or float16: matrix
/// products and attention are LibTorch's, what lies between them `FusedLayers`. The tokens are held in that type, sums
/// of LayerNorm and of the products are taken in float32. For one thread at a time.
///
/// The result for an image depends on the number of images in the batch, not on the others in it.
class BatchedTransformer {
 public:
  /// Copies the weights to the device. `architecture` and `token_base` must outlive this. `stream`: as in
  /// `FusedLayers`.
  BatchedTransformer(const ViTArchitecture& architecture, const ViTWeights& weights, TokenBase& token_base,
                     c10::Device device, at::ScalarType number, const cuda::Stream* stream);

  struct Result {
    /// [B, P, D], float32, or float16 for a model in 16-bit numbers: products of the last layer are rounded to it once.
    at::Tensor embeddings;
    at::Tensor cls;  ///< [B, image vector] float32
  };

  /// `patches` [B, P, 3 p p] in the type of the model, on its device, of images of `grid`; `square`: of equal sides in
  /// pixels.
  [[nodiscard]] Result read(const at::Tensor& patches, GridSize grid, bool square, const Readout& readout);

  /// As `VisionTransformer::segment_cls`, for each image: [segments, D] float32, on the device. `maps` int16 [B, P].
  [[nodiscard]] std::vector<at::Tensor> segment_cls(const at::Tensor& patches, GridSize grid, bool square,
                                                    const at::Tensor& maps, std::span<const int> segments);

  [[nodiscard]] at::ScalarType number() const noexcept { return number_; }
  [[nodiscard]] c10::Device device() const noexcept { return device_; }

 private:
  struct Block {
    DeviceNorm norm1;
    Linear qkv;
    Linear projection;
    DeviceNorm norm2;
    Linear mlp_in;
    Linear mlp_out;
  };
  /// What a batch's tokens begin with.
  struct Grid {
    at::Tensor tokens;  ///< [T, D]
    std::optional<DeviceRotation> rotation;
  };
  /// A batch on its way through the blocks.
  struct Stream {
    at::Tensor tokens;      ///< [B, T, D], the residual stream
    at::Tensor normalised;  ///< [B, T, D], as the next block sees it
    const Grid* grid;

    [[nodiscard]] at::Tensor patches(const at::Tensor& rows, std::int64_t leading) const {
      return rows.narrow(1, leading, rows.size(1) - leading);
    }
  };

  [[nodiscard]] at::Tensor moved(const at::Tensor& tensor, at::ScalarType type) const;
  [[nodiscard]] Linear moved(const Linear& layer, at::ScalarType type) const;
  [[nodiscard]] DeviceNorm moved(const Norm& norm) const;
  [[nodiscard]] const Grid& grid_of(GridSize grid, bool square);
  [[nodiscard]] Stream embed(const at::Tensor& patches, GridSize grid, bool square);
  /// From block `first` up to, but without, `last`; `next`: the norm that follows.
  void run_blocks(Stream& stream, std::size_t first, std::size_t last, const DeviceNorm& next);
  [[nodiscard]] at::Tensor attend(const Stream& stream, const Block& block) const;
  [[nodiscard]] at::Tensor mlp(const at::Tensor& normalised, const Block& block) const;
  [[nodiscard]] const DeviceNorm& norm_before(std::size_t block) const;
  [[nodiscard]] at::Tensor embeddings_at(const Stream& stream, std::size_t layer, PatchFeature feature) const;
  /// Keys and values of block `layer`, placed, [B, T, 3 D] (the queries in front are not placed).
  [[nodiscard]] at::Tensor projections_for_cls(const Stream& stream, std::size_t layer) const;
  /// Adds projected attention and MLP to CLS tokens [N, D]; [N, D] float32 behind the final norm.
  [[nodiscard]] at::Tensor finish_cls(const at::Tensor& cls, const at::Tensor& attention, const Block& block) const;
  [[nodiscard]] at::Tensor cls_at(const Stream& stream, std::size_t layer) const;
  [[nodiscard]] at::Tensor image_vector(const at::Tensor& normalised_patches) const;

  const ViTArchitecture& architecture_;
  TokenBase& token_base_;
  c10::Device device_;
  at::ScalarType number_;
  /// Of the product that makes embeddings: the type with more digits where the model has 16 bits.
  at::ScalarType embedding_number_;
  FusedLayers fused_;
  Linear patch_embedding_;
  std::vector<Block> blocks_;
  /// Query, key and value of each block in `embedding_number_`, where that is another type.
  std::vector<Linear> embedding_projections_;
  DeviceNorm final_norm_;
  std::optional<ImageHead> image_head_;
  std::map<std::pair<int, int>, Grid> grids_;
};

}  // namespace datus
