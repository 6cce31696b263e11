// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/checkpoint_schedule.hpp"

#include "datus/core/error.hpp"

namespace datus::clustering {

bool CheckpointSchedule::stop_requested() const {
  return options_ != nullptr && options_->stop_requested && options_->stop_requested();
}

void CheckpointSchedule::pass_done(bool stop) {
  if (options_ == nullptr) return;
  ++passes_;
  const bool due = options_->checkpoint_every > 0 && passes_ % options_->checkpoint_every == 0;
  if (options_->save && (stop || due)) options_->save(*state_);
  if (!stop) return;
  throw AgreedError(ExitCode::interrupted, "k-means was interrupted", "a rank was asked to stop",
                    options_->save ? "Start it again: it goes on from its checkpoint." : "Start it again.");
}

}  // namespace datus::clustering
