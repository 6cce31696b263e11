// SPDX-License-Identifier: Apache-2.0
#include "model/torch/token_base.hpp"

#include "model/vit/position_grid.hpp"

#include <algorithm>
#include <vector>

#include <ATen/ops/empty.h>

namespace datus {

TokenBase::Grid TokenBase::get(GridSize grid, bool square) {
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

TokenBase::Grid TokenBase::make(GridSize grid, bool native) const {
  const auto dim = static_cast<std::size_t>(architecture_.dim);
  std::vector<float> positions = weights_.positions;
  if (!native && !architecture_.is_rotary()) {
    positions = resize_positions(positions, architecture_.native_grid, architecture_.dim, grid, architecture_.position);
  }
  Grid result;
  result.tokens = at::empty({architecture_.leading_tokens() + grid.patches(), architecture_.dim}, at::kFloat);
  auto* out = std::ranges::copy(weights_.cls_token, result.tokens.data_ptr<float>()).out;
  out = std::ranges::copy(weights_.registers, out).out;
  const auto* bias = weights_.patch_embedding.bias.data_ptr<float>();
  for (std::size_t i = 0; i < static_cast<std::size_t>(grid.patches()) * dim; ++i) {
    out[i] = bias[i % dim] + (positions.empty() ? 0.0F : positions[i]);
  }
  if (architecture_.is_rotary()) result.rotary = std::make_shared<RotaryPositions>(grid, weights_.rotary_periods);
  return result;
}

}  // namespace datus
