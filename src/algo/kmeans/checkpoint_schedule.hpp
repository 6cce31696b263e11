// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/kmeans.hpp"

namespace datus::clustering {

/// What happens between two passes over the rows: the state is saved now and then, and the work ends when a rank was
/// asked to stop.
class CheckpointSchedule {
 public:
  CheckpointSchedule() = default;
  /// `state` is what the passes work on.
  CheckpointSchedule(const KMeansOptions& options, const KMeansState& state) : options_(&options), state_(&state) {}

  /// Whether this rank was asked to stop: to be sent with the collective of the pass.
  [[nodiscard]] bool stop_requested() const;
  /// COLLECTIVE. After a pass, when the pairs are up to date; `stop`: some rank was asked to. Then it throws
  /// `AgreedError` with exit code interrupted, once the state is saved.
  void pass_done(bool stop);

 private:
  const KMeansOptions* options_ = nullptr;
  const KMeansState* state_ = nullptr;
  int passes_ = 0;
};

}  // namespace datus::clustering
