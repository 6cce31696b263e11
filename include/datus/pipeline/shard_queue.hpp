#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/core/types.hpp"

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
class ShardQueue {
 public:
  /// COLLECTIVE. `pending` is the same on all ranks; `folder` is made by rank 0, emptied of earlier claims.
  ShardQueue(std::filesystem::path folder, std::vector<ShardIndex> pending, Communicator& comm);
  /// COLLECTIVE. Waits for all ranks; rank 0 removes the folder.
  void finish();

  /// The next shard for this rank; nothing when all are taken.
  [[nodiscard]] std::optional<ShardIndex> claim();
  /// Shards claimed so far by all ranks together, for progress lines.
  [[nodiscard]] std::int64_t claimed() const;
  [[nodiscard]] std::int64_t total() const { return static_cast<std::int64_t>(pending_.size()); }

 private:
  [[nodiscard]] bool take(ShardIndex shard) const;

  std::filesystem::path folder_;
  std::vector<ShardIndex> pending_;
  Communicator& comm_;
  std::size_t start_ = 0;
  std::size_t visited_ = 0;
};

}  // namespace datus
