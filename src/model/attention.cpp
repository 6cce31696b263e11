#include "model/attention.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <ATen/ops/_softmax.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
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

}  // namespace

Attention::Attention(std::int64_t dim, std::int64_t heads)
    : heads_(heads), dim_(dim), head_dim_(dim / heads), scale_(1.0 / std::sqrt(static_cast<double>(head_dim_))) {}

at::Tensor Attention::attend(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values) const {
  // A tile's scores and their softmax stay in the second-level cache: 2 × 64 × 785 × 4 bytes are
  // 400 KB.
  constexpr std::int64_t tile_rows = 64;
  const std::int64_t count = queries.size(0);
  at::Tensor result = at::empty({count, dim_}, queries.options());
  at::Tensor scores = at::empty({std::min(tile_rows, count), keys.size(0)}, queries.options());
  at::Tensor shares = at::empty_like(scores);
  for (std::int64_t h = 0; h < heads_; ++h) {
    const at::Tensor head_keys = keys.narrow(1, h * head_dim_, head_dim_).t();
    const at::Tensor head_values = values.narrow(1, h * head_dim_, head_dim_);
    for (std::int64_t first = 0; first < count; first += tile_rows) {
      const std::int64_t rows = std::min(tile_rows, count - first);
      const at::Tensor tile = queries.narrow(0, first, rows).narrow(1, h * head_dim_, head_dim_);
      at::Tensor tile_scores = scores.narrow(0, 0, rows);
      at::Tensor tile_shares = shares.narrow(0, 0, rows);
      at::Tensor tile_result = result.narrow(0, first, rows).narrow(1, h * head_dim_, head_dim_);
      tile_scores.addmm_(tile, head_keys, 0, scale_);
      at::_softmax_out(tile_shares, tile_scores, 1, false);
      at::mm_out(tile_result, tile_shares, head_values);
    }
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
