// SPDX-License-Identifier: Apache-2.0
#include "model/torch/transformer_block.hpp"

#include "model/torch/activation.hpp"
#include "model/torch/rotary_positions.hpp"

#include <utility>

#include <ATen/ops/addmm.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/silu.h>

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

TransformerBlock::TransformerBlock(Layers layers, Activation activation, int heads)
    : layers_(std::move(layers)),
      activation_(activation),
      heads_(heads),
      dim_(layers_.projection.weight.size(0)),
      attention_(dim_, heads) {}

at::Tensor TransformerBlock::project(const at::Tensor& normalised, ProjectionPart part) const {
  const Linear& qkv = layers_.qkv;
  if (part == ProjectionPart::all) return apply(normalised, qkv.weight, qkv.bias);
  const std::int64_t first = static_cast<std::int64_t>(part) * dim_;
  return apply(normalised, qkv.weight.narrow(0, first, dim_), qkv.bias.narrow(0, first, dim_));
}

void TransformerBlock::place(const at::Tensor& rows, const PatchPositions& positions) const {
  if (positions.rotary == nullptr) return;
  positions.rotary->rotate(rows.narrow(0, positions.first_patch, rows.size(0) - positions.first_patch), heads_);
}

at::Tensor TransformerBlock::activate(at::Tensor hidden) const {
  const at::Tensor& bias = layers_.mlp_in.bias;
  switch (activation_) {
    case Activation::gelu:
      add_bias_gelu(hidden, bias);
      return hidden;
    case Activation::relu6:
      return at::clamp_(hidden.add_(bias), 0, 6);
    case Activation::swiglu: {
      hidden.add_(bias);
      const std::int64_t width = hidden.size(1) / 2;
      return at::silu(hidden.narrow(1, 0, width)).mul_(hidden.narrow(1, width, width));
    }
  }
  return hidden;
}

void TransformerBlock::finish(at::Tensor& tokens, const at::Tensor& attention) const {
  add_linear(tokens, attention, layers_.projection);
  const at::Tensor hidden = activate(at::mm(layers_.norm2(tokens), layers_.mlp_in.weight.t()));
  add_linear(tokens, hidden, layers_.mlp_out);
}

void TransformerBlock::run(at::Tensor& tokens, const PatchPositions& positions) const {
  const at::Tensor qkv = project(normalise(tokens), ProjectionPart::all);
  const at::Tensor queries = qkv.narrow(1, 0, dim_);
  const at::Tensor keys = qkv.narrow(1, dim_, dim_);
  place(queries, positions);
  place(keys, positions);
  finish(tokens, attention_.attend(queries, keys, qkv.narrow(1, 2 * dim_, dim_)));
}

}  // namespace datus
