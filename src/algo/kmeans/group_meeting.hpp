// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/kmeans.hpp"
#include "datus/comm/communicator.hpp"
#include "datus/core/error.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace datus::clustering {

/// Where groups of ranks that work on different pairs tell each other how far they are. Who is done comes until all
/// are, so that all call the same.
class GroupMeeting {
 public:
  /// `options`: of all groups. Both must outlive it.
  GroupMeeting(const KMeansOptions& options, const Communicator& group, Communicator& all)
      : options_(options), speaks_(group.rank() == 0), all_(all) {}

  /// Whether a group has stopped or failed, as of the last meeting: then the others are to stop, too.
  [[nodiscard]] bool stop_asked() const noexcept { return stop_; }

  /// COLLECTIVE over all ranks, as `end`. This group is at work, and has come to `state`: what all have is saved.
  void meet(const KMeansState& state);

  /// COLLECTIVE over all ranks. This group is done, or failed. Returns the pairs of all groups. Throws
  /// `AgreedError` on all ranks where one failed: of those that were not merely interrupted the lowest rank's.
  [[nodiscard]] KMeansState end(const KMeansState* state, const std::optional<AgreedError>& failure);

 private:
  void speak(const KMeansState& state);
  /// Returns whether some group is at work.
  bool meet_all(bool at_work, bool has_failed);
  void save(const KMeansState& state);
  [[nodiscard]] std::optional<KMeansState> gathered();

  const KMeansOptions& options_;
  /// Whether this rank is the one of its group that tells.
  bool speaks_;
  Communicator& all_;
  bool stop_ = false;
  std::optional<AgreedError> failed_save_;
  /// How far the group is; empty on ranks that do not speak.
  std::vector<std::int64_t> words_;
};

}  // namespace datus::clustering
