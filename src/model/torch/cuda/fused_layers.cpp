// SPDX-License-Identifier: Apache-2.0
#include "model/torch/cuda/fused_layers.hpp"

#include "datus/core/error.hpp"
#include "datus/core/types.hpp"
#include "model/torch/cuda/layer_kernels.hpp"
#include "model/torch/cuda/number_types.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>

namespace datus {
namespace {

gpu_layers::Number number_of(const at::Tensor& tensor) {
  return layers_number(tensor.scalar_type());
}

int as_int(std::int64_t value) {
  return checked_cast<int>(value, "a size of the model");
}

}  // namespace

at::Tensor FusedLayers::add_norm(const at::Tensor& tokens, const at::Tensor& branch, const DeviceNorm& norm) const {
  if (stream_ == nullptr) {
    if (branch.defined()) tokens.add_(branch);
    // In float32, as the kernel does.
    return at::layer_norm(tokens.to(at::kFloat), norm.weight.sizes(), norm.weight, norm.bias, norm.eps)
        .to(tokens.scalar_type());
  }
  at::Tensor normalised = at::empty_like(tokens);
  const std::int64_t dim = tokens.size(-1);
  gpu_layers::add_layer_norm(*stream_, number_of(tokens),
                             {.stream = tokens.data_ptr(),
                              .branch = branch.defined() ? branch.data_ptr() : nullptr,
                              .normalised = normalised.data_ptr(),
                              .weight = norm.weight.data_ptr<float>(),
                              .bias = norm.bias.data_ptr<float>(),
                              .epsilon = static_cast<float>(norm.eps),
                              .rows = tokens.numel() / dim,
                              .dim = as_int(dim)});
  return normalised;
}

void FusedLayers::gelu(const at::Tensor& values) const {
  if (stream_ == nullptr) {
    values.copy_(at::gelu(values.to(at::kFloat)));
  } else {
    gpu_layers::gelu(*stream_, number_of(values), values.data_ptr(), values.numel());
  }
}

void FusedLayers::rotate(const at::Tensor& qkv, const DeviceRotation& rotation, bool queries) const {
  const std::int64_t batch = qkv.size(0);
  const std::int64_t tokens = qkv.size(1);
  const std::int64_t dim = qkv.size(2) / 3;
  const std::int64_t patches = rotation.cosine.size(0);
  const std::int64_t half = rotation.cosine.size(1);
  if (stream_ != nullptr) {
    gpu_layers::rotate(*stream_, number_of(qkv),
                       {.qkv = qkv.data_ptr(),
                        .cosine = rotation.cosine.data_ptr<float>(),
                        .sine = rotation.sine.data_ptr<float>(),
                        .batch = as_int(batch),
                        .tokens = as_int(tokens),
                        .patches = as_int(patches),
                        .dim = as_int(dim),
                        .half = as_int(half),
                        .queries = queries});
    return;
  }
  const std::int64_t heads = dim / (2 * half);
  // [B, P, part, head, half of the head, half]
  const at::Tensor all = qkv.narrow(1, tokens - patches, patches).view({batch, patches, 3, heads, 2, half});
  const at::Tensor turned = queries ? all.narrow(2, 0, 2) : all.narrow(2, 1, 1);
  const at::Tensor cosine = rotation.cosine.view({1, patches, 1, 1, half});
  const at::Tensor sine = rotation.sine.view({1, patches, 1, 1, half});
  const at::Tensor first = turned.select(4, 0).to(at::kFloat).clone();
  const at::Tensor second = turned.select(4, 1).to(at::kFloat).clone();
  turned.select(4, 0).copy_(first * cosine - second * sine);
  turned.select(4, 1).copy_(second * cosine + first * sine);
}

}  // namespace datus
