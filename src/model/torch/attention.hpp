// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/simd_path.hpp"
#include "model/torch/attention_kernels.hpp"

#include <cstdint>
#include <span>

#include <ATen/core/Tensor.h>

namespace datus {

/// Multi-head softmax attention over the tokens of one image, float32, on the calling thread; the results depend on the
/// arguments only. Rows may be strided, values in a row are contiguous; heads lie side by side in a row.
class Attention {
 public:
  /// `dim` is the width of a token, a multiple of `heads`. Paths differ in the last bits.
  Attention(std::int64_t dim, std::int64_t heads, SimdPath path = best_simd_path());

  /// softmax(Q Kᵀ / √d) V per head: [Q, D] queries, [T, D] keys and values give [Q, D].
  [[nodiscard]] at::Tensor attend(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values) const;

  /// The same for one query, [1, D], once per segment, each time over that segment's rows of the
  /// keys only: `segment_map` names the segment of each row, or -1. Every segment has at least one
  /// row. Gives [segments, D].
  [[nodiscard]] at::Tensor attend_segments(const at::Tensor& query, const at::Tensor& keys, const at::Tensor& values,
                                           std::span<const std::int16_t> segment_map, int segments) const;

 private:
  std::int64_t heads_;
  std::int64_t dim_;
  std::int64_t head_dim_;
  double scale_;
  attention_kernels::Kernel kernel_;
};

}  // namespace datus
