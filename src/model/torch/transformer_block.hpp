// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/model/vit_architecture.hpp"
#include "model/torch/attention.hpp"

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace datus {

class RotaryPositions;

/// y = x Wᵀ + b. The weight is kept as stored, [out, in]: the matrix products read it transposed at
/// no cost.
struct Linear {
  at::Tensor weight;
  at::Tensor bias;
};

/// LayerNorm over the last dimension.
struct Norm {
  at::Tensor weight;
  at::Tensor bias;
  double eps = 0;

  [[nodiscard]] at::Tensor operator()(const at::Tensor& x) const;
};

/// The part of the fused projection that is wanted; the parts lie one after the other.
enum class ProjectionPart { query = 0, key = 1, value = 2, all = 3 };

/// What a model adds to queries and keys of the patches, which are the last rows of an image's tokens: nothing, or
/// rotary positions.
struct PatchPositions {
  const RotaryPositions* rotary = nullptr;
  std::int64_t first_patch = 0;  ///< row of the first patch
};

/// One pre-norm transformer block, float32, for the tokens of one image: [T, D] row-major. All
/// functions run on the calling thread and have results that depend on their arguments only.
class TransformerBlock {
 public:
  /// In the one form that all families are brought to; see `ViTWeights`.
  struct Layers {
    Norm norm1;
    Linear qkv;         ///< [3 D, D]
    Linear projection;  ///< [D, D]
    Norm norm2;
    Linear mlp_in;   ///< [H, D]; with a gate [2 H, D], the gate first
    Linear mlp_out;  ///< [D, H]
  };
  TransformerBlock(Layers layers, Activation activation, int heads);

  [[nodiscard]] const Layers& layers() const noexcept { return layers_; }

  /// The tokens as the attention sees them.
  [[nodiscard]] at::Tensor normalise(const at::Tensor& tokens) const { return layers_.norm1(tokens); }

  /// Queries, keys or values, [T, D], or all three side by side, [T, 3 D], bias included; queries
  /// are not scaled, and neither queries nor keys have rotary positions yet.
  [[nodiscard]] at::Tensor project(const at::Tensor& normalised, ProjectionPart part) const;

  /// Gives queries or keys of all tokens, [T, D], their rotary positions, in place.
  void place(const at::Tensor& rows, const PatchPositions& positions) const;

  /// How tokens look at each other here.
  [[nodiscard]] const Attention& attention() const noexcept { return attention_; }

  /// Adds the projected attention, then the MLP of the result, to the residual stream `tokens`, in
  /// place.
  void finish(at::Tensor& tokens, const at::Tensor& attention) const;

  /// The whole block, in place.
  void run(at::Tensor& tokens, const PatchPositions& positions) const;

 private:
  /// The first layer's output, [T, H], from its matrix product, without its bias yet.
  [[nodiscard]] at::Tensor activate(at::Tensor hidden) const;

  Layers layers_;
  Activation activation_;
  std::int64_t heads_;
  std::int64_t dim_;
  Attention attention_;
};

}  // namespace datus
