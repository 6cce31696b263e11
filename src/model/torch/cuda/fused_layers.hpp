// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/cuda/stream.hpp"

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace datus {

/// LayerNorm of one layer on its device, weight and bias float32 [D].
struct DeviceNorm {
  at::Tensor weight;
  at::Tensor bias;
  double eps = 0;
};

/// Rotary positions on the device: float32 [P, half].
struct DeviceRotation {
  at::Tensor cosine;
  at::Tensor sine;
};

/// What stands between matrix products, on whole batches: our kernels where the tensors are on a GPU, LibTorch's
/// operations elsewhere, so that the model around them can be checked without a card.
class FusedLayers {
 public:
  /// `stream` is where LibTorch puts its work too; null for tensors of the CPU.
  explicit FusedLayers(const cuda::Stream* stream) : stream_(stream) {}

  /// tokens += branch, where there is one (in place), and LayerNorm of the sum; [..., D] contiguous.
  [[nodiscard]] at::Tensor add_norm(const at::Tensor& tokens, const at::Tensor& branch, const DeviceNorm& norm) const;

  /// x Φ(x), in place; contiguous.
  void gelu(const at::Tensor& values) const;

  /// Turns queries and keys, or keys alone, of the patches, which are the last tokens, in place: [B, T, 3 D]
  /// contiguous.
  void rotate(const at::Tensor& qkv, const DeviceRotation& rotation, bool queries) const;

 private:
  const cuda::Stream* stream_;
};

}  // namespace datus
