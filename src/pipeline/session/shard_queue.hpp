// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/core/types.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace datus {

/// Hands the shards of a stage to the ranks so that none idles while another holds a queue. Each rank starts at its own
/// part of the list and, once through with it, takes what others have left. A claim is a file created with O_EXCL in a
/// folder of this job: no rank serves the others, and no message waits for a rank that computes. Which rank works on a
/// shard never changes a result.
///
/// Claims are of one start of the job, and the folder's name should be too: another job that believes to have the run
/// cannot take shards away. Should it remove the folder, shards are computed twice, with the same result.
///
/// A request to stop may reach one rank only. That rank leaves a file in the folder too, and no rank claims any more.
class ShardQueue {
 public:
  /// COLLECTIVE. `pending` is the same on all ranks; `folder` is made by rank 0, emptied of earlier claims: name it
  /// after this start of the job, because ranks of an earlier one may live on for a while. `stop_requested` tells
  /// whether this rank was asked to stop; `before_claim` throws where this job may work no more, which is asked before
  /// anything is made.
  ShardQueue(std::filesystem::path folder, std::vector<ShardIndex> pending, Communicator& comm,
             std::function<bool()> stop_requested = {}, std::function<void()> before_claim = {});
  /// COLLECTIVE. Waits for all ranks; rank 0 removes the folder. Returns the shards that no rank got, though none was
  /// asked to stop: somebody else's files were in the way, and they are still to be done.
  [[nodiscard]] std::vector<ShardIndex> finish();

  /// The next shard for this rank; nothing when all are taken, or when a rank was asked to stop.
  [[nodiscard]] std::optional<ShardIndex> claim();
  /// The shard that `claim` would give now, without claiming it: another rank may be faster. For reading ahead.
  [[nodiscard]] std::optional<ShardIndex> peek() const;
  /// Shards claimed so far by all ranks together.
  [[nodiscard]] std::int64_t claimed() const;
  /// Shards that other ranks have finished, at least: all that they claimed, less one for each. From any thread, for
  /// progress.
  [[nodiscard]] std::int64_t finished_elsewhere() const;
  [[nodiscard]] std::int64_t total() const { return static_cast<std::int64_t>(pending_.size()); }

 private:
  [[nodiscard]] bool take(ShardIndex shard) const;
  [[nodiscard]] bool make_file(const std::string& name) const;
  [[nodiscard]] bool must_stop() const;
  [[nodiscard]] ShardIndex visit(std::size_t position) const { return pending_[(start_ + position) % pending_.size()]; }

  std::filesystem::path folder_;
  std::vector<ShardIndex> pending_;
  Communicator& comm_;
  std::function<bool()> stop_requested_;
  std::function<void()> before_claim_;
  std::size_t start_ = 0;
  std::size_t visited_ = 0;
  std::vector<std::int64_t> taken_;    ///< by this rank
  std::atomic<std::int64_t> own_ = 0;  ///< how many that are
};

}  // namespace datus
