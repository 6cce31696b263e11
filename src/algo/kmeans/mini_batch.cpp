// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/mini_batch.hpp"

#include "algo/kmeans/batches.hpp"
#include "algo/kmeans/blocks.hpp"
#include "algo/kmeans/ledger.hpp"
#include "algo/kmeans/nearest_search.hpp"
#include "algo/kmeans/search_centroids.hpp"
#include "algo/kmeans/update.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

namespace datus::clustering {
namespace {

using Pairs = std::vector<KMeansPair*>;

/// Batches in a row without a new lowest smoothed inertia after which a pair stops: scikit-learn's default.
constexpr std::int64_t largest_wait = 10;

/// The local rows of one batch.
class BatchPass {
 public:
  BatchPass(const Context& context, const Pairs& pairs) : context_(context), pairs_(pairs), dim_(context.rows.dim()) {
    for (const KMeansPair* pair : pairs) targets_.emplace_back(pair->centroids, pair->clusters, dim_);
  }

  /// `ranges`: local rows. [pairs].
  [[nodiscard]] std::vector<Tally> run(const std::vector<RowRange>& ranges) const {
    std::vector<std::vector<Booking>> of_workers(static_cast<std::size_t>(context_.threads));
    for_each_block(context_.rows, ranges, context_.threads, [&](std::size_t worker, const RowBlock& block) {
      std::vector<Booking>& bookings = of_workers[worker];
      if (bookings.empty()) {
        for (const KMeansPair* pair : pairs_) bookings.emplace_back(context_, *pair);
      }
      for (std::size_t p = 0; p < pairs_.size(); ++p) assign(block, p, bookings[p]);
    });
    std::vector<Tally> totals;
    for (std::size_t p = 0; p < pairs_.size(); ++p) {
      Tally& total = totals.emplace_back(*pairs_[p], dim_);
      for (const std::vector<Booking>& bookings : of_workers) {
        if (!bookings.empty()) total.add(bookings[p].tally());
      }
    }
    return totals;
  }

 private:
  /// No inertia can exceed its limit here: centroids stay as near as the rows and the first centroids, for which the
  /// scale was chosen.
  void assign(const RowBlock& block, std::size_t p, Booking& booking) const {
    NearestSearch search(targets_[p], context_.kernels);
    NearestRows found;
    for (std::int64_t begin = 0; begin < block.count; begin += strip_rows) {
      const RowBlock strip = part_of(block, begin, std::min(strip_rows, block.count - begin), dim_);
      search.find(strip, context_.summary.squared_norms.data() + strip.first, found);
      if (pairs_[p]->precise) search.measure(strip, found.labels, found.lowest);
      for (std::int64_t i = 0; i < strip.count; ++i) {
        booking.join(strip, i, strip.first + i, found.labels[i]);
        if (pairs_[p]->precise) booking.add_inertia(found.labels[i], found.lowest[i]);
      }
    }
  }

  const Context& context_;
  const Pairs& pairs_;
  int dim_;
  std::vector<SearchCentroids> targets_;
};

/// Makes each centroid the mean of all rows that it was given so far: `weights` of them before this batch.
void move_centroids(const Tally& tally, const Context& context, std::span<std::int64_t> weights, KMeansPair& pair) {
  const std::size_t dim = pair.centroids.size() / weights.size();
  for (std::size_t k = 0; k < weights.size(); ++k) {
    if (tally.counts[k] == 0) continue;
    const auto before = static_cast<double>(weights[k]);
    weights[k] += tally.counts[k];
    const auto after = static_cast<double>(weights[k]);
    for (std::size_t i = k * dim; i < (k + 1) * dim; ++i) {
      const double sum = std::ldexp(sum_in_units(tally, i, context.scales), -context.scales.sum_log2);
      pair.centroids[i] = std::fma(pair.centroids[i], before, sum) / after;
    }
  }
  round_to_stored(pair.precise, context.summary.origin, pair.centroids);
}

/// Whether the batches have ceased to get better; `mean`: of a batch's inertia per row, `share`: how much of the
/// smoothed inertia it makes up. The first batch tells of the first centroids only, and is left out.
bool is_at_rest(double mean, double share, MiniBatchProgress& progress) {
  ++progress.batches;
  if (progress.batches == 1) return false;
  const bool is_first = progress.batches == 2;
  progress.smoothed = is_first ? mean : progress.smoothed * (1.0 - share) + mean * share;
  if (is_first || progress.smoothed < progress.lowest) {
    progress.lowest = progress.smoothed;
    progress.without_improvement = 0;
  } else {
    ++progress.without_improvement;
  }
  return progress.without_improvement >= largest_wait;
}

/// The pairs whose next batch comes first: all of them, unless an interrupted run goes on with more values of K.
Pairs earliest_pairs(const Pairs& pairs) {
  Pairs earliest;
  std::int64_t batch = std::numeric_limits<std::int64_t>::max();
  for (KMeansPair* pair : pairs) {
    if (pair->phase != KMeansPhase::iterating || pair->mini_batch.batches > batch) continue;
    if (pair->mini_batch.batches < batch) earliest.clear();
    batch = pair->mini_batch.batches;
    earliest.push_back(pair);
  }
  return earliest;
}

/// What this rank has of global rows: local rows, counted from its first one.
std::vector<RowRange> local_part(const std::vector<RowRange>& global, const KMeansRows& rows) {
  std::vector<RowRange> local;
  if (rows.count() == 0) return local;
  for (const RowRange& range : global) {
    const std::int64_t begin = std::max<std::int64_t>(range.begin - rows.first(), 0);
    const std::int64_t end = std::min(range.begin + range.count - rows.first(), rows.count());
    if (begin < end) local.push_back({begin, end - begin});
  }
  return local;
}

/// Mini-batch k-means of all pairs.
class MiniBatches {
 public:
  MiniBatches(const Context& context, const MiniBatchSettings& settings)
      : context_(context), epochs_(settings.epochs), plan_(settings.seed, context.summary.rows, settings.batch_size) {}

  /// COLLECTIVE. One batch; the pairs have done the same number of them. A pair that becomes precise makes it again.
  void run_batch(const Pairs& pairs) {
    const std::int64_t batch = pairs.front()->mini_batch.batches;
    std::vector<Tally> tallies = BatchPass(context_, pairs).run(local_part(plan_.rows(batch), context_.rows));
    const bool stop = reduce(tallies, context_.progress.stop_requested(), context_.comm) > 0;
    for (std::size_t p = 0; p < pairs.size(); ++p) advance(*pairs[p], tallies[p]);
    if (stop || (batch + 1) % plan_.per_epoch() == 0) context_.progress.pass_done(stop);
  }

 private:
  /// Takes a pair from one batch to the next, with the tally of all ranks.
  void advance(KMeansPair& pair, const Tally& tally) const {
    MiniBatchProgress& progress = pair.mini_batch;
    const auto rows = static_cast<double>(context_.summary.rows);
    const auto rows_of_batch = static_cast<double>(plan_.size(progress.batches));
    const std::vector<double> of_clusters = inertia_of_clusters(pair, tally, context_.scales, context_.kernels);
    const double inertia = std::accumulate(of_clusters.begin(), of_clusters.end(), 0.0);
    if (!pair.precise && needs_precision(tally.counts, pair.centroids, inertia)) {
      pair.precise = true;
      return;
    }
    const double mean = inertia / rows_of_batch;
    pair.inertia.push_back(mean * rows);
    progress.weights.resize(static_cast<std::size_t>(pair.clusters), 0);
    move_centroids(tally, context_, progress.weights, pair);
    pair.converged = is_at_rest(mean, std::min(2.0 * rows_of_batch / (rows + 1.0), 1.0), progress);
    if (!pair.converged && progress.batches / plan_.per_epoch() < epochs_) return;
    pair.phase = KMeansPhase::assigning;
    progress = {};
  }

  const Context& context_;
  std::int64_t epochs_;
  KMeansBatches plan_;
};

}  // namespace

void run_mini_batches(const Context& context, const MiniBatchSettings& settings,
                      const std::vector<KMeansPair*>& pairs) {
  MiniBatches batches(context, settings);
  for (Pairs next = earliest_pairs(pairs); !next.empty(); next = earliest_pairs(pairs)) batches.run_batch(next);
}

}  // namespace datus::clustering
