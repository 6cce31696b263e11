#include "algo/kmeans/mini_batch.hpp"

#include "algo/kmeans/batches.hpp"
#include "algo/kmeans/blocks.hpp"
#include "algo/kmeans/inertia.hpp"
#include "algo/kmeans/packed_centroids.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace datus::clustering {
namespace {

using Pairs = std::vector<KMeansPair*>;

/// Batches in a row without a new lowest smoothed inertia after which a pair stops: scikit-learn's default.
constexpr std::int64_t largest_wait = 10;

/// What one batch found, of a thread, of a rank or of all ranks: for each pair fixed-point sums [K, D] of its clusters'
/// rows, their numbers [K] and the inertia, and the number of ranks that were asked to stop. It is one piece of memory,
/// as the allreduce takes it.
class Tally {
 public:
  Tally(const Pairs& pairs, int dim) {
    std::size_t size = 1;
    for (const KMeansPair* pair : pairs) {
      const auto clusters = static_cast<std::size_t>(pair->clusters);
      const std::size_t sums = clusters * static_cast<std::size_t>(dim);
      places_.push_back({size, sums, clusters});
      size += sums + clusters + 1;
    }
    values_.resize(size);
  }

  [[nodiscard]] std::span<std::int64_t> sums(std::size_t p) { return all().subspan(places_[p].begin, places_[p].sums); }
  [[nodiscard]] std::span<std::int64_t> counts(std::size_t p) {
    return all().subspan(places_[p].begin + places_[p].sums, places_[p].clusters);
  }
  [[nodiscard]] std::int64_t& inertia(std::size_t p) {
    return values_[places_[p].begin + places_[p].sums + places_[p].clusters];
  }
  [[nodiscard]] std::int64_t& stops() { return values_.front(); }
  [[nodiscard]] std::span<std::int64_t> all() { return values_; }

  void take_in(const Tally& other) { std::ranges::transform(values_, other.values_, values_.begin(), std::plus<>()); }

 private:
  struct Place {
    std::size_t begin;
    std::size_t sums;
    std::size_t clusters;
  };
  std::vector<Place> places_;
  std::vector<std::int64_t> values_;
};

/// The local rows of one batch.
class BatchPass {
 public:
  BatchPass(const Context& context, const Pairs& pairs)
      : context_(context),
        pairs_(pairs),
        dim_(context.rows.dim()),
        sum_scale_(std::ldexp(1.0, context.scales.sum_log2)),
        inertia_scale_(std::ldexp(1.0, context.scales.inertia_log2)) {
    for (const KMeansPair* pair : pairs) {
      packed_.emplace_back(pair->centroids, pair->clusters, dim_, context.kernels);
    }
  }

  /// `ranges`: local rows.
  [[nodiscard]] Tally run(const std::vector<RowRange>& ranges) const {
    std::vector<std::optional<Tally>> of_workers(static_cast<std::size_t>(context_.threads));
    for_each_block(context_.rows, ranges, context_.threads, [&](std::size_t worker, const RowBlock& block) {
      std::optional<Tally>& tally = of_workers[worker];
      if (!tally) tally.emplace(pairs_, dim_);
      for (std::int64_t begin = 0; begin < block.count; begin += strip_rows) {
        const std::int64_t count = std::min(strip_rows, block.count - begin);
        const RowBlock strip{block.first + begin, count, block.values + begin * dim_};
        for (std::size_t p = 0; p < pairs_.size(); ++p) assign(strip, p, *tally);
      }
    });
    Tally total(pairs_, dim_);
    for (const std::optional<Tally>& tally : of_workers) {
      if (tally) total.take_in(*tally);
    }
    return total;
  }

 private:
  /// No inertia can exceed its limit here: without repairs, centroids stay as near as the rows and the first centroids,
  /// for which the scale was chosen.
  void assign(const RowBlock& strip, std::size_t p, Tally& tally) const {
    std::int32_t labels[strip_rows];
    float scores[strip_rows];
    context_.kernels.nearest(strip.values, strip.count, packed_[p].view(), labels, scores);
    const std::span<std::int64_t> sums = tally.sums(p);
    const std::span<std::int64_t> counts = tally.counts(p);
    const float* const norms = context_.summary.squared_norms.data() + strip.first;
    std::int64_t inertia = 0;
    for (std::int64_t i = 0; i < strip.count; ++i) {
      const auto label = static_cast<std::size_t>(labels[i]);
      ++counts[label];
      context_.kernels.add_row(strip.values + i * dim_, dim_, sum_scale_,
                               &sums[label * static_cast<std::size_t>(dim_)]);
      inertia += std::llrint(inertia_in_units(norms[i], scores[i], inertia_scale_));
    }
    tally.inertia(p) += inertia;
  }

  const Context& context_;
  const Pairs& pairs_;
  int dim_;
  double sum_scale_;
  double inertia_scale_;
  std::vector<PackedCentroids> packed_;
};

/// Makes each centroid the mean of all rows that it was given so far: `weights` of them before this batch.
void move_centroids(std::span<const std::int64_t> sums, std::span<const std::int64_t> counts, int sum_log2,
                    std::span<std::int64_t> weights, std::span<float> centroids) {
  const std::size_t dim = centroids.size() / weights.size();
  const double unit = std::ldexp(1.0, -sum_log2);
  for (std::size_t k = 0; k < weights.size(); ++k) {
    if (counts[k] == 0) continue;
    const auto before = static_cast<double>(weights[k]);
    weights[k] += counts[k];
    const auto after = static_cast<double>(weights[k]);
    for (std::size_t i = k * dim; i < (k + 1) * dim; ++i) {
      const double sum = static_cast<double>(sums[i]) * unit;
      centroids[i] = static_cast<float>(std::fma(static_cast<double>(centroids[i]), before, sum) / after);
    }
  }
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

  /// COLLECTIVE. One batch; the pairs have done the same number of them.
  void run_batch(const Pairs& pairs) {
    const std::int64_t batch = pairs.front()->mini_batch.batches;
    Tally tally = BatchPass(context_, pairs).run(local_part(plan_.rows(batch), context_.rows));
    tally.stops() = context_.progress.stop_requested() ? 1 : 0;
    context_.comm.allreduce(tally.all(), ReduceOp::sum);
    for (std::size_t p = 0; p < pairs.size(); ++p) advance(*pairs[p], p, tally);
    const bool stop = tally.stops() > 0;
    if (stop || (batch + 1) % plan_.per_epoch() == 0) context_.progress.pass_done(stop);
  }

 private:
  /// Takes a pair from one batch to the next, with the tally of all ranks.
  void advance(KMeansPair& pair, std::size_t p, Tally& tally) const {
    MiniBatchProgress& progress = pair.mini_batch;
    const auto rows = static_cast<double>(context_.summary.rows);
    const auto rows_of_batch = static_cast<double>(plan_.size(progress.batches));
    const double inertia = std::ldexp(static_cast<double>(tally.inertia(p)), -context_.scales.inertia_log2);
    const double mean = inertia / rows_of_batch;
    pair.inertia.push_back(mean * rows);
    progress.weights.resize(static_cast<std::size_t>(pair.clusters), 0);
    move_centroids(tally.sums(p), tally.counts(p), context_.scales.sum_log2, progress.weights, pair.centroids);
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
