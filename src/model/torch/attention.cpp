// SPDX-License-Identifier: Apache-2.0
#include "model/torch/attention.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

namespace datus {
namespace {

/// For each segment s: result[s] = sum over its rows p of softmax(score within s)[p] * values[p].
/// `result`, [S, d], holds zeros; both tensors have rows of contiguous values.
void add_segment_means(std::span<const float> score, const at::Tensor& values,
                       std::span<const std::int16_t> segment_map, const at::Tensor& result) {
  const auto segments = static_cast<std::size_t>(result.size(0));
  const std::int64_t width = result.size(1);
  const auto row = [](const at::Tensor& tensor, std::size_t index) {
    return tensor.data_ptr<float>() + static_cast<std::int64_t>(index) * tensor.stride(0);
  };
  std::vector<float> largest(segments, -std::numeric_limits<float>::infinity());
  for (std::size_t p = 0; p < score.size(); ++p) {
    if (segment_map[p] < 0) continue;
    float& value = largest[static_cast<std::size_t>(segment_map[p])];
    value = std::max(value, score[p]);
  }
  std::vector<float> sum(segments, 0.0F);
  for (std::size_t p = 0; p < score.size(); ++p) {
    if (segment_map[p] < 0) continue;
    const auto s = static_cast<std::size_t>(segment_map[p]);
    const float weight = std::exp(score[p] - largest[s]);
    sum[s] += weight;
    const float* from = row(values, p);
    float* to = row(result, s);
    for (std::int64_t d = 0; d < width; ++d) to[d] += weight * from[d];
  }
  for (std::size_t s = 0; s < segments; ++s) {
    float* to = row(result, s);
    for (std::int64_t d = 0; d < width; ++d) to[d] /= sum[s];
  }
}

attention_kernels::Kernel kernel_of(SimdPath path) {
  return for_path(path, attention_kernels::baseline_kernel, attention_kernels::avx2_kernel,
                  attention_kernels::avx512_kernel)();
}

}  // namespace

Attention::Attention(std::int64_t dim, std::int64_t heads, SimdPath path)
    : heads_(heads),
      dim_(dim),
      head_dim_(dim / heads),
      scale_(1.0 / std::sqrt(static_cast<double>(head_dim_))),
      kernel_(kernel_of(path)) {}

at::Tensor Attention::attend(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values) const {
  const auto rows = [](const at::Tensor& tensor) {
    return attention_kernels::ConstRows{tensor.data_ptr<float>(), tensor.stride(0)};
  };
  const auto head_of = [&](attention_kernels::ConstRows all, std::int64_t h) {
    return attention_kernels::ConstRows{all.values + h * head_dim_, all.stride};
  };
  at::Tensor result = at::empty({queries.size(0), dim_}, queries.options());
  const auto work_size = static_cast<std::int64_t>(kernel_.work_size(keys.size(0), head_dim_));
  const at::Tensor work = at::empty({work_size}, queries.options());
  for (std::int64_t h = 0; h < heads_; ++h) {
    kernel_.attend({.queries = head_of(rows(queries), h),
                    .keys = head_of(rows(keys), h),
                    .values = head_of(rows(values), h),
                    .result = {result.data_ptr<float>() + h * head_dim_, dim_},
                    .query_count = queries.size(0),
                    .key_count = keys.size(0),
                    .width = head_dim_,
                    .scale = static_cast<float>(scale_)},
                   work.data_ptr<float>());
  }
  return result;
}

at::Tensor Attention::attend_segments(const at::Tensor& query, const at::Tensor& keys, const at::Tensor& values,
                                      std::span<const std::int16_t> segment_map, int segments) const {
  at::Tensor result = at::zeros({segments, dim_}, query.options());
  at::Tensor scores = at::empty({1, keys.size(0)}, query.options());
  for (std::int64_t h = 0; h < heads_; ++h) {
    const auto head = [&](const at::Tensor& all) { return all.narrow(1, h * head_dim_, head_dim_); };
    scores.addmm_(head(query), head(keys).t(), 0, scale_);
    add_segment_means({scores.data_ptr<float>(), segment_map.size()}, head(values), segment_map, head(result));
  }
  return result;
}

}  // namespace datus
