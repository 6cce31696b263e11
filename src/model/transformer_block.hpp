#pragma once

#include "model/attention.hpp"

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace datus {

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

/// One pre-norm transformer block, float32, for the tokens of one image: [T, D] row-major. All
/// functions run on the calling thread and have results that depend on their arguments only.
class TransformerBlock {
 public:
  TransformerBlock(Norm norm1, Linear qkv, Linear projection, Norm norm2, Linear mlp_in, Linear mlp_out, int heads);

  /// The tokens as the attention sees them.
  [[nodiscard]] at::Tensor normalise(const at::Tensor& tokens) const { return norm1_(tokens); }

  /// Queries, keys or values, [T, D], or all three side by side, [T, 3 D], bias included; queries
  /// are not scaled.
  [[nodiscard]] at::Tensor project(const at::Tensor& normalised, ProjectionPart part) const;

  /// How tokens look at each other here.
  [[nodiscard]] const Attention& attention() const noexcept { return attention_; }

  /// Adds the projected attention, then the MLP of the result, to the residual stream `tokens`, in
  /// place.
  void finish(at::Tensor& tokens, const at::Tensor& attention) const;

  /// The whole block, in place.
  void run(at::Tensor& tokens) const;

 private:
  Norm norm1_;
  Linear qkv_;
  Linear projection_;
  Norm norm2_;
  Linear mlp_in_;
  Linear mlp_out_;
  std::int64_t dim_;
  Attention attention_;
};

}  // namespace datus
