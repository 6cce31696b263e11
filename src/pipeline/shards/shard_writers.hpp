// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/write_behind.hpp"
#include "pipeline/shards/shard_work.hpp"

#include <algorithm>
#include <cstddef>

namespace datus {

/// How many shards a rank writes at a time, each on a thread of its own and held in memory so long. One where the model
/// runs on the CPU, which no shard waits for. With a GPU one for every four threads, which decode as many images as one
/// thread writes (docs/performance.md, "Writers of a rank"); four at most, which write what the fastest GPU makes.
[[nodiscard]] constexpr int shard_writers(bool has_gpu, int threads) noexcept {
  return has_gpu ? std::clamp(threads / 4, 1, 4) : 1;
}

/// Writes the shards of a rank while it computes the next ones, `shard_writers` at a time and in memory. They are
/// counted and logged in the order in which they came, each when it and all before it are on the disk.
class ShardWriters {
 public:
  /// `run` and `tally` must live as long. Throws `SystemError` when a thread cannot be started.
  ShardWriters(const RunContext& run, ShardTally& tally);

  /// Waits for one of the writers. Throws what an earlier shard could not be written for.
  void push(ShardProducts products);
  /// Waits for all that were pushed; throws as `push` does.
  void flush() { writes_.flush(); }

 private:
  ShardWriters(const RunContext& run, ShardTally& tally, std::size_t writers);

  const RunContext& run_;
  ShardTally& tally_;
  WriteBehind writes_;
};

}  // namespace datus
