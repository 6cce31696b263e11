#pragma once

#include "datus/algo/kmeans_rows.hpp"

#include <cstdint>
#include <functional>

namespace datus::lloyd {

/// Consecutive local rows, f32 [count, D].
struct RowBlock {
  std::int64_t first;
  std::int64_t count;
  const float* values;
};

/// Calls body(worker, block) for blocks that cover the local rows, on up to `threads` threads, in the float mode of
/// `IeeeFloatMode`. worker is in [0, threads); calls with the same worker follow each other, so that each can have sums
/// of its own. Which worker gets which block, and how long blocks are, must not show in the result.
void for_each_row_block(const KMeansRows& rows, int threads,
                        const std::function<void(std::size_t worker, const RowBlock& block)>& body);

}  // namespace datus::lloyd
