// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/checks.hpp"
#include "algo/kmeans/fit_pairs.hpp"
#include "algo/kmeans/group_meeting.hpp"
#include "datus/algo/kmeans_groups.hpp"
#include "datus/core/error.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

namespace datus {
namespace {

/// The first rank of group `index`.
int first_rank(int index, int ranks, int groups) noexcept {
  return static_cast<int>(std::int64_t{index} * ranks / groups);
}

}  // namespace

KMeansGroup split_for_kmeans(Communicator& all, int groups) {
  if (groups < 1 || groups > all.size()) {
    throw AgreedError(ExitCode::failure, std::to_string(groups) + " groups were asked for",
                      "there are " + std::to_string(all.size()) + " ranks", "Ask for 1 to as many as there are ranks.");
  }
  int index = 0;
  while (first_rank(index + 1, all.size(), groups) <= all.rank()) ++index;
  return {index, groups, all.split(index)};
}

int ranks_of_group(int index, int ranks, int groups) noexcept {
  return first_rank(index + 1, ranks, groups) - first_rank(index, ranks, groups);
}

std::vector<int> clusters_of_pairs(const KMeansOptions& options, std::span<const double> given, int dim) {
  const KMeansState* saved = options.resume;
  if (saved != nullptr && saved->settings != clustering::pair_fingerprint(options, given, dim)) saved = nullptr;
  std::vector<int> of_pairs;
  for (const int clusters : options.clusters) {
    for (int restart = 0; restart < options.restarts; ++restart) {
      const bool is_done =
          saved != nullptr && std::ranges::any_of(saved->pairs, [&](const KMeansPair& pair) {
            return pair.clusters == clusters && pair.restart == restart && pair.phase == KMeansPhase::done;
          });
      of_pairs.push_back(is_done ? 0 : clusters);
    }
  }
  return of_pairs;
}

std::vector<std::vector<std::size_t>> pairs_of_groups(std::span<const int> clusters_of_pairs, int ranks, int groups) {
  std::vector<std::size_t> places(clusters_of_pairs.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  std::ranges::stable_sort(places, std::ranges::greater(), [&](std::size_t place) { return clusters_of_pairs[place]; });
  std::vector<std::int64_t> load(static_cast<std::size_t>(groups));
  std::vector<std::vector<std::size_t>> of_groups(load.size());
  for (const std::size_t place : places) {
    std::size_t least = 0;
    const auto with = [&](std::size_t group) { return load[group] + clusters_of_pairs[place]; };
    const auto size = [&](std::size_t group) { return ranks_of_group(static_cast<int>(group), ranks, groups); };
    for (std::size_t group = 1; group < load.size(); ++group) {
      if (with(group) * size(least) < with(least) * size(group)) least = group;
    }
    load[least] = with(least);
    of_groups[least].push_back(place);
  }
  for (auto& of_group : of_groups) std::ranges::sort(of_group);
  return of_groups;
}

KMeansOptions with_pairs_alone(KMeansOptions options, std::vector<int> clusters) {
  options.clusters = std::move(clusters);
  options.restarts = 1;
  return options;
}

KMeansState kmeans_in_groups(const KMeansRows& rows, const KMeansOptions& options, std::span<const double> given,
                             const KMeansGroup& group, Communicator& all) {
  // Otherwise groups would share the pairs out in different ways.
  require_same_everywhere(all, clustering::fingerprint(options, given, rows.dim()), "The settings of k-means");
  const auto clusters = clusters_of_pairs(options, given, rows.dim());
  const auto places = pairs_of_groups(clusters, all.size(), group.groups)[static_cast<std::size_t>(group.index)];
  clustering::GroupMeeting meeting(options, *group.ranks, all);
  KMeansOptions of_group = options;
  of_group.stop_requested = [&] {
    const bool is_asked = options.stop_requested && options.stop_requested();
    return is_asked || meeting.stop_asked();
  };
  of_group.save = [&](const KMeansState& state) { meeting.meet(state); };
  KMeansState state;
  std::optional<AgreedError> failure;
  try {
    if (!places.empty()) state = clustering::fit_pairs(rows, of_group, given, places, *group.ranks);
  } catch (const AgreedError& error) {
    // What fails on one rank alone ends the job; the other groups learn of this when they meet.
    failure = error;
  }
  return meeting.end(failure ? nullptr : &state, failure);
}

}  // namespace datus
