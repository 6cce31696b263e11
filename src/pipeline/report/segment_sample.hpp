// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline/session/run_context.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace datus {

/// Some of a run's segments.
struct SegmentSample {
  int dim = 0;
  std::vector<float> descriptors;  ///< [n, dim]
  std::vector<std::int64_t> rows;  ///< [n] their places in the run's assignments

  [[nodiscard]] std::span<const float> descriptor(std::size_t index) const {
    return std::span(descriptors).subspan(index * static_cast<std::size_t>(dim), static_cast<std::size_t>(dim));
  }
};

/// At most 2,000 segments, evenly chosen from at most 32 shards that are evenly chosen themselves: the same on any
/// number of ranks, and soon read however large the run is. `shard_offset` [shards + 1]: the row where each shard
/// begins. Of shards whose descriptors are not there any more there are none. Not collective.
[[nodiscard]] SegmentSample sample_segments(const RunContext& run, std::span<const std::int64_t> shard_offset);

}  // namespace datus
