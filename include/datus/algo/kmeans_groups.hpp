// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/kmeans.hpp"
#include "datus/algo/kmeans_rows.hpp"
#include "datus/algo/kmeans_state.hpp"
#include "datus/comm/communicator.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace datus {

/// One of the groups that the ranks are split into, so that each works on some (K, restart) pairs alone: its sums are
/// shorter and meet fewer ranks, for which each rank holds more rows. No bit of a result depends on the groups.
struct KMeansGroup {
  int index = 0;
  int groups = 1;
  /// Those of the group, consecutive ones of all; the sizes of groups differ by at most one.
  std::unique_ptr<Communicator> ranks;
};

/// COLLECTIVE. The group of this rank, of `groups`, which are at least 1 and no more than ranks.
[[nodiscard]] KMeansGroup split_for_kmeans(Communicator& all, int groups);

/// How many ranks group `index` of `groups` has.
[[nodiscard]] int ranks_of_group(int index, int ranks, int groups) noexcept;

/// K of each (K, restart) pair, by K as asked for and then by restart; 0 for one that is done in `options.resume`.
/// `dim`: of the rows.
[[nodiscard]] std::vector<int> clusters_of_pairs(const KMeansOptions& options, std::span<const double> given, int dim);

/// [groups]: the places of the pairs that each works on, ascending. The largest K are dealt first, each to the group
/// that has least to do per rank with it, the lowest on ties; so there may be groups without pairs.
[[nodiscard]] std::vector<std::vector<std::size_t>> pairs_of_groups(std::span<const int> clusters_of_pairs, int ranks,
                                                                    int groups);

/// Options that ask as much of memory (see `kmeans_bytes_per_row`) as those of `options` whose K are named.
[[nodiscard]] KMeansOptions with_pairs_alone(KMeansOptions options, std::vector<int> clusters);

/// `kmeans` in groups: all pairs in KMeansPhase::done, for `kmeans` to go on from with the rows shared out among all
/// ranks, which gives the bits that it gives without groups. COLLECTIVE over `all`. `rows`: this rank's part of all
/// rows, which each group has; `options` and `given` are the same on all ranks, `options.gpu` sums up within the group.
///
/// The groups meet every `checkpoint_every` passes, where what all have is saved, and at the end; a stop is known to
/// the other groups when they meet. Throws as `kmeans`: an error that one group agreed on becomes one of all ranks
/// when they meet, and is that of the lowest rank, interruptions last.
[[nodiscard]] KMeansState kmeans_in_groups(const KMeansRows& rows, const KMeansOptions& options,
                                           std::span<const double> given, const KMeansGroup& group, Communicator& all);

}  // namespace datus
