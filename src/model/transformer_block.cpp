#include "model/transformer_block.hpp"

#include "model/activation.hpp"

#include <utility>

#include <ATen/ops/addmm.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/mm.h>

namespace datus {
namespace {

at::Tensor apply(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return at::addmm(bias, x, weight.t());
}

/// tokens += x Wᵀ + b, the sum taken inside the matrix product.
void add_linear(at::Tensor& tokens, const at::Tensor& x, const Linear& linear) {
  tokens.add_(linear.bias).addmm_(x, linear.weight.t());
}

}  // namespace

at::Tensor Norm::operator()(const at::Tensor& x) const {
  return at::layer_norm(x, weight.sizes(), weight, bias, eps);
}

TransformerBlock::TransformerBlock(Norm norm1, Linear qkv, Linear projection, Norm norm2, Linear mlp_in, Linear mlp_out,
                                   int heads)
    : norm1_(std::move(norm1)),
      qkv_(std::move(qkv)),
      projection_(std::move(projection)),
      norm2_(std::move(norm2)),
      mlp_in_(std::move(mlp_in)),
      mlp_out_(std::move(mlp_out)),
      dim_(projection_.weight.size(0)),
      attention_(dim_, heads) {}

at::Tensor TransformerBlock::project(const at::Tensor& normalised, ProjectionPart part) const {
  if (part == ProjectionPart::all) return apply(normalised, qkv_.weight, qkv_.bias);
  const std::int64_t first = static_cast<std::int64_t>(part) * dim_;
  return apply(normalised, qkv_.weight.narrow(0, first, dim_), qkv_.bias.narrow(0, first, dim_));
}

void TransformerBlock::finish(at::Tensor& tokens, const at::Tensor& attention) const {
  add_linear(tokens, attention, projection_);
  at::Tensor hidden = at::mm(norm2_(tokens), mlp_in_.weight.t());
  add_bias_gelu(hidden, mlp_in_.bias);
  add_linear(tokens, hidden, mlp_out_);
}

void TransformerBlock::run(at::Tensor& tokens) const {
  const at::Tensor qkv = project(normalise(tokens), ProjectionPart::all);
  finish(tokens, attention_.attend(qkv.narrow(1, 0, dim_), qkv.narrow(1, dim_, dim_), qkv.narrow(1, 2 * dim_, dim_)));
}

}  // namespace datus
