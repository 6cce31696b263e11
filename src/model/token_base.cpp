#include "model/token_base.hpp"

#include "datus/model/position_grid.hpp"

#include <span>
#include <vector>

#include <ATen/ops/empty.h>

namespace datus {

at::Tensor TokenBase::get(GridSize grid, bool square) {
  // A run has one or two sizes; the limit is for callers that bring a new one each time.
  constexpr std::size_t most_kept = 16;
  const bool native = square && grid.patches() == architecture_.native_grid * architecture_.native_grid;
  // A native grid that must still be resized has unequal sides in pixels only, and is told apart by
  // a negative row count.
  const std::pair key(native ? -grid.rows : grid.rows, grid.cols);
  const std::scoped_lock lock(mutex_);
  if (const auto found = kept_.find(key); found != kept_.end()) return found->second;
  if (kept_.size() >= most_kept) kept_.clear();
  return kept_.emplace(key, make(grid, native)).first->second;
}

at::Tensor TokenBase::make(GridSize grid, bool native) const {
  const auto dim = static_cast<std::size_t>(architecture_.dim);
  const std::span<const float> stored = std::span(weights_.positions).subspan(dim);
  const std::vector<float> resized =
      native ? std::vector<float>(stored.begin(), stored.end())
             : resize_positions(stored, architecture_.native_grid, architecture_.dim, grid, architecture_.position);
  at::Tensor base = at::empty({1 + grid.patches(), architecture_.dim}, at::kFloat);
  auto* out = base.data_ptr<float>();
  for (std::size_t d = 0; d < dim; ++d) out[d] = weights_.cls_token[d] + weights_.positions[d];
  const auto* bias = weights_.patch_embedding.bias.data_ptr<float>();
  for (std::size_t i = 0; i < resized.size(); ++i) out[dim + i] = bias[i % dim] + resized[i];
  return base;
}

}  // namespace datus
