// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/refill.hpp"

#include "algo/kmeans/blocks.hpp"
#include "algo/kmeans/ledger.hpp"
#include "algo/kmeans/lowest.hpp"
#include "algo/kmeans/nearest_search.hpp"
#include "algo/kmeans/update.hpp"
#include "datus/core/log.hpp"

#include <algorithm>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace datus::clustering {
namespace {

/// A row that may refill a cluster: the first ones of a pair do.
struct FarRow {
  /// Among the updates.
  std::uint64_t pair;
  /// All bits of its squared distance turned over: as this is no negative number, the farthest row comes first.
  std::uint64_t nearness;
  /// Of all ranks.
  std::int64_t row;
  /// The one that it is in.
  std::int32_t cluster;
  /// The one that it goes to.
  std::int32_t destination = -1;
  friend auto operator<=>(const FarRow&, const FarRow&) = default;
};

std::vector<std::int32_t> empty_clusters(const Found& found) {
  std::vector<std::int32_t> empty;
  for (std::size_t k = 0; k < found.counts.size(); ++k) {
    if (found.counts[k] == 0) empty.push_back(static_cast<std::int32_t>(k));
  }
  return empty;
}

/// Finds the farthest rows of this rank, as many of each pair as it has empty clusters.
class FarthestRows {
 public:
  FarthestRows(const Context& context, Engine& engine, std::span<const Update> updates) : context_(context) {
    for (const Update& update : updates) {
      const KMeansPair& pair = *update.working->pair;
      centroids_.emplace_back(pair.centroids, pair.clusters, context.rows.dim());
      labels_.push_back(engine.labels_of(*update.working));
      nothing_.emplace_back(empty_clusters(*update.found).size());
    }
  }

  [[nodiscard]] std::vector<FarRow> find() const {
    // [threads][pairs]
    std::vector<std::vector<Lowest<FarRow>>> of_workers(static_cast<std::size_t>(context_.threads), nothing_);
    for_each_block(context_.rows, context_.threads, [&](std::size_t worker, const RowBlock& block) {
      for (std::size_t pair = 0; pair < nothing_.size(); ++pair) offer(block, pair, of_workers[worker][pair]);
    });
    std::vector<FarRow> farthest;
    for (std::size_t pair = 0; pair < nothing_.size(); ++pair) {
      Lowest<FarRow> of_pair = nothing_[pair];
      for (auto& of_pairs : of_workers) {
        for (const FarRow& row : std::move(of_pairs[pair]).take()) of_pair.offer(row);
      }
      const std::vector<FarRow> rows = std::move(of_pair).take();
      farthest.insert(farthest.end(), rows.begin(), rows.end());
    }
    return farthest;
  }

 private:
  void offer(const RowBlock& block, std::size_t pair, Lowest<FarRow>& farthest) const {
    NearestSearch search(centroids_[pair], context_.kernels);
    const std::int32_t* const labels = labels_[pair].data() + block.first;
    for (std::int64_t begin = 0; begin < block.count; begin += strip_rows) {
      const RowBlock strip = part_of(block, begin, std::min(strip_rows, block.count - begin), context_.rows.dim());
      double distances[strip_rows];
      search.measure(strip, labels + begin, distances);
      for (std::int64_t i = 0; i < strip.count; ++i) {
        // A row at its centroid would only be a second centroid at the same place.
        if (!(distances[i] > 0.0)) continue;
        farthest.offer({.pair = pair,
                        .nearness = ~std::bit_cast<std::uint64_t>(distances[i]),
                        .row = context_.rows.first() + strip.first + i,
                        .cluster = labels[begin + i]});
      }
    }
  }

  const Context& context_;
  std::vector<SearchCentroids> centroids_;
  std::vector<std::span<const std::int32_t>> labels_;
  /// [pairs]: room for as many rows as a pair has empty clusters.
  std::vector<Lowest<FarRow>> nothing_;
};

/// COLLECTIVE. The rows that go to each pair's empty clusters, over all ranks, in order.
std::vector<FarRow> agree_on_farthest(const Context& context, const std::vector<FarRow>& of_rank,
                                      std::span<const Update> updates) {
  std::vector<FarRow> all = allgather_values(context.comm, of_rank);
  std::ranges::sort(all);
  std::vector<FarRow> farthest;
  for (std::size_t pair = 0; pair < updates.size(); ++pair) {
    const std::vector<std::int32_t> empty = empty_clusters(*updates[pair].found);
    const auto of_pair = std::ranges::equal_range(all, pair, {}, &FarRow::pair);
    const std::size_t count = std::min(empty.size(), of_pair.size());
    for (std::size_t i = 0; i < count; ++i) {
      farthest.push_back(of_pair[i]);
      farthest.back().destination = empty[i];
    }
  }
  return farthest;
}

/// COLLECTIVE. By how much each pair's totals change when these rows go to their new clusters: each is booked where it
/// is.
std::vector<Tally> changes_by(const Context& context, const std::vector<FarRow>& farthest,
                              std::span<const Update> updates) {
  std::vector<Booking> bookings;
  for (const Update& update : updates) bookings.emplace_back(context, *update.working->pair);
  const std::int64_t first = context.rows.count() > 0 ? context.rows.first() : 0;
  // In the order of the rows, each once: a reader of files goes through them once.
  std::map<std::int64_t, std::vector<FarRow>> local_rows;
  for (const FarRow& row : farthest) {
    const std::int64_t local = row.row - first;
    if (local >= 0 && local < context.rows.count()) local_rows[local].push_back(row);
  }
  std::vector<RowRange> ranges;
  for (const auto& [local, rows] : local_rows) ranges.push_back({local, 1});
  for_each_block(context.rows, ranges, 1, [&](std::size_t, const RowBlock& block) {
    for (std::int64_t i = 0; i < block.count; ++i) {
      const std::int64_t local = block.first + i;
      for (const FarRow& row : local_rows.at(local)) {
        bookings[row.pair].leave(block, i, local, row.cluster);
        bookings[row.pair].join(block, i, local, row.destination);
      }
    }
  });
  std::vector<Tally> changes;
  for (const Booking& booking : bookings) changes.push_back(booking.tally());
  // The message takes as much again.
  bookings.clear();
  reduce(changes, false, context.comm);
  return changes;
}

/// Makes the means anew, of totals that have changed. Clusters that are without rows now go to the mean of the one with
/// the most, the lowest on ties.
void make_means(const Context& context, const Tally& changes, const Update& update) {
  const KMeansPair& pair = *update.working->pair;
  const auto dim = static_cast<std::size_t>(context.rows.dim());
  Tally totals(pair, context.rows.dim());
  totals.sums = std::move(update.found->sums);
  totals.counts = update.found->counts;
  totals.add(changes);
  std::vector<double>& means = update.found->means;
  take_means(totals, context.scales, means);
  const std::ptrdiff_t largest = std::ranges::max_element(totals.counts) - totals.counts.begin();
  for (std::size_t k = 0; k < totals.counts.size(); ++k) {
    if (totals.counts[k] > 0) continue;
    std::copy_n(means.begin() + largest * context.rows.dim(), dim,
                means.begin() + static_cast<std::ptrdiff_t>(k * dim));
  }
  round_to_stored(pair.precise, context.summary.origin, means);
}

void say_failed(const KMeansPair& pair, std::int64_t clusters, const Communicator& comm) {
  if (clusters == 0 || comm.rank() != 0) return;
  log::warning("K = " + std::to_string(pair.clusters) + ", restart " + std::to_string(pair.restart) + ": " +
               std::to_string(clusters) +
               " empty clusters stay empty: all other rows are nearer to their centroids than f64 can tell");
}

}  // namespace

void refill_empty(const Context& context, Engine& engine, std::span<const Update> updates) {
  const std::vector<FarRow> of_rank = FarthestRows(context, engine, updates).find();
  const std::vector<FarRow> farthest = agree_on_farthest(context, of_rank, updates);
  const std::vector<Tally> changes = changes_by(context, farthest, updates);
  for (std::size_t i = 0; i < updates.size(); ++i) {
    KMeansPair& pair = *updates[i].working->pair;
    const std::int64_t taken = std::ranges::count(farthest, i, &FarRow::pair);
    pair.repairs += taken;
    say_failed(pair, std::ssize(empty_clusters(*updates[i].found)) - taken, context.comm);
    make_means(context, changes[i], updates[i]);
  }
}

}  // namespace datus::clustering
