// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/group_meeting.hpp"

#include "algo/kmeans/state_words.hpp"

#include <algorithm>
#include <array>

namespace datus::clustering {
namespace {

/// The pairs of all groups in the order that `kmeans` has.
KMeansState joined(const std::vector<KMeansState>& of_groups, const KMeansOptions& options) {
  KMeansState all;
  for (const int clusters : options.clusters) {
    for (int restart = 0; restart < options.restarts; ++restart) {
      for (const KMeansState& state : of_groups) {
        const auto pair = std::ranges::find_if(state.pairs, [&](const KMeansPair& other) {
          return other.clusters == clusters && other.restart == restart;
        });
        if (pair == state.pairs.end()) continue;
        // Of the same rows and settings in all groups.
        all.data = state.data;
        all.settings = state.settings;
        all.pairs.push_back(*pair);
        break;
      }
    }
  }
  return all;
}

}  // namespace

void GroupMeeting::meet(const KMeansState& state) {
  speak(state);
  (void)meet_all(true, false);
}

KMeansState GroupMeeting::end(const KMeansState* state, const std::optional<AgreedError>& failure) {
  // All ranks threw it together, those of groups that were done from here.
  if (failed_save_) throw AgreedError(*failed_save_);
  if (state != nullptr) speak(*state);
  while (meet_all(false, failure.has_value())) {
  }
  for (const bool interrupted : {false, true}) {
    collectively(all_, [&] {
      if (failure && (failure->exit_code() == ExitCode::interrupted) == interrupted) throw AgreedError(*failure);
    });
  }
  return gathered().value_or(KMeansState());
}

void GroupMeeting::speak(const KMeansState& state) {
  if (speaks_) words_ = words_of(state);
}

bool GroupMeeting::meet_all(bool at_work, bool has_failed) {
  std::array<std::int64_t, 2> flags{at_work ? 1 : 0, has_failed ? 1 : 0};
  all_.allreduce(flags, ReduceOp::max);
  const auto [some_at_work, some_failed] = flags;
  stop_ |= some_failed != 0;
  // At the end of all work its results are there.
  if (options_.save && (some_at_work != 0 || some_failed != 0)) {
    if (const auto state = gathered()) save(*state);
  }
  return some_at_work != 0;
}

void GroupMeeting::save(const KMeansState& state) {
  try {
    options_.save(state);
  } catch (const AgreedError& error) {
    failed_save_ = error;
    throw;
  }
}

/// COLLECTIVE. Nothing where a group has not told anything so far: it failed before its first checkpoint, and an older
/// one may know more.
std::optional<KMeansState> GroupMeeting::gathered() {
  std::array<std::int64_t, 1> silent{speaks_ && words_.empty() ? 1 : 0};
  all_.allreduce(silent, ReduceOp::max);
  if (silent[0] != 0) return std::nullopt;
  return joined(states_in(allgather_values(all_, words_)), options_);
}

}  // namespace datus::clustering
