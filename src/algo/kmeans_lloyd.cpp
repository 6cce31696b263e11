#include "algo/kmeans_lloyd.hpp"

#include "algo/kmeans_blocks.hpp"
#include "algo/kmeans_update.hpp"
#include "datus/algo/aligned_vector.hpp"
#include "datus/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <utility>

namespace datus::lloyd {
namespace {

/// Centroids as the kernels want them.
class PackedCentroids {
 public:
  PackedCentroids(const KMeansPairState& pair, int dim, const Kernels& kernels)
      : groups_((pair.clusters + group_size - 1) / group_size), dim_(dim) {
    const auto lanes = static_cast<std::size_t>(groups_) * group_size;
    values_.resize(lanes * static_cast<std::size_t>(dim));
    norms_.assign(lanes, std::numeric_limits<float>::infinity());
    kernels.squared_norms(pair.centroids.data(), pair.clusters, dim, norms_.data());
    for (std::int64_t k = 0; k < pair.clusters; ++k) {
      const float* from = pair.centroids.data() + k * dim;
      float* to = values_.data() + (k / group_size) * dim * group_size + k % group_size;
      for (std::int64_t d = 0; d < dim; ++d) to[d * group_size] = from[d];
    }
  }

  [[nodiscard]] PackedView view() const { return {values_.data(), norms_.data(), groups_, dim_}; }

 private:
  int groups_;
  int dim_;
  AlignedVector<float> values_;
  AlignedVector<float> norms_;
};

/// What one pass found for one pair: of a thread, of a rank, or of all ranks.
///
/// Sums and counts change by the rows that moved only. Integer sums have no order and no rounding, so this gives the
/// same bits as adding up all rows again, and costs next to nothing once few rows move.
struct Tally {
  /// Changes of the sums and counts of the pair's state.
  std::vector<std::int64_t> sums;
  std::vector<std::int64_t> counts;
  /// [K].
  std::vector<std::int64_t> inertia;
  std::int64_t moved = 0;
  /// Rows whose inertia is too large for its scale, or not a number.
  std::int64_t unrepresentable = 0;

  explicit Tally(const KMeansPairState& pair)
      : sums(pair.sums.size()), counts(pair.counts.size()), inertia(static_cast<std::size_t>(pair.clusters)) {}
};

void add(std::vector<std::int64_t>& to, const std::vector<std::int64_t>& terms) {
  std::ranges::transform(to, terms, to.begin(), std::plus<>());
}

/// One pass over the local rows for the pairs that are not done.
class Pass {
 public:
  Pass(const Context& context, std::span<KMeansPairState* const> pairs)
      : context_(context),
        pairs_(pairs),
        dim_(context.rows.dim()),
        sum_scale_(std::ldexp(1.0, context.scales.sum_log2)),
        inertia_scale_(std::ldexp(1.0, context.scales.inertia_log2)),
        tallies_(static_cast<std::size_t>(context.threads)) {
    for (const KMeansPairState* pair : pairs) packed_.emplace_back(*pair, dim_, context.kernels);
  }

  /// Assigns the rows, brings sums and counts of the pairs up to date, and returns the rest for each.
  std::vector<Tally> run() {
    for_each_row_block(context_.rows, context_.threads, [&](std::size_t worker, const RowBlock& block) {
      std::vector<Tally>& tallies = tallies_[worker];
      if (tallies.empty()) tallies = empty_tallies();
      for (std::int64_t begin = 0; begin < block.count; begin += strip_rows) {
        const std::int64_t count = std::min(strip_rows, block.count - begin);
        const RowBlock strip{block.first + begin, count, block.values + begin * dim_};
        for (std::size_t p = 0; p < pairs_.size(); ++p) assign(strip, p, tallies[p]);
      }
    });
    std::vector<Tally> totals = empty_tallies();
    for (const auto& tallies : tallies_) {
      for (std::size_t p = 0; p < tallies.size(); ++p) take_in(tallies[p], *pairs_[p], totals[p]);
    }
    return totals;
  }

 private:
  [[nodiscard]] std::vector<Tally> empty_tallies() const {
    std::vector<Tally> tallies;
    for (const KMeansPairState* pair : pairs_) tallies.emplace_back(*pair);
    return tallies;
  }

  void assign(const RowBlock& strip, std::size_t p, Tally& tally) const {
    std::int32_t labels[strip_rows];
    float scores[strip_rows];
    context_.kernels.nearest(strip.values, strip.count, packed_[p].view(), labels, scores);
    const bool keeps_sums = pairs_[p]->phase == Phase::iterating;
    std::int32_t* const assignment = pairs_[p]->assignment.data() + strip.first;
    for (std::int64_t i = 0; i < strip.count; ++i) {
      count_inertia(strip.first + i, labels[i], scores[i], tally);
      if (keeps_sums && assignment[i] != labels[i]) move(strip.values + i * dim_, assignment[i], labels[i], tally);
      assignment[i] = labels[i];
    }
  }

  void count_inertia(std::int64_t row, std::int32_t label, float score, Tally& tally) const {
    const auto norm = static_cast<double>(context_.summary.squared_norms[static_cast<std::size_t>(row)]);
    const double inertia = norm + static_cast<double>(score);
    // Written so that NaN is not cleared to 0, and fails the second comparison.
    const double units = (inertia < 0.0 ? 0.0 : inertia) * inertia_scale_;
    if (units <= context_.scales.row_limit) {
      tally.inertia[static_cast<std::size_t>(label)] += std::llrint(units);
    } else {
      ++tally.unrepresentable;
    }
  }

  void move(const float* row, std::int32_t from, std::int32_t to, Tally& tally) const {
    ++tally.moved;
    ++tally.counts[static_cast<std::size_t>(to)];
    context_.kernels.add_row(row, dim_, sum_scale_, tally.sums.data() + std::int64_t{to} * dim_);
    if (from < 0) return;
    --tally.counts[static_cast<std::size_t>(from)];
    context_.kernels.subtract_row(row, dim_, sum_scale_, tally.sums.data() + std::int64_t{from} * dim_);
  }

  static void take_in(const Tally& tally, KMeansPairState& pair, Tally& total) {
    add(pair.sums, tally.sums);
    add(pair.counts, tally.counts);
    add(total.inertia, tally.inertia);
    total.moved += tally.moved;
    total.unrepresentable += tally.unrepresentable;
  }

  const Context& context_;
  std::span<KMeansPairState* const> pairs_;
  int dim_;
  double sum_scale_;
  double inertia_scale_;
  std::vector<PackedCentroids> packed_;
  /// [threads][pairs].
  std::vector<std::vector<Tally>> tallies_;
};

/// COLLECTIVE. The one allreduce of an iteration: makes of the ranks' tallies those of all rows, with sums and counts
/// in full. Returns on how many ranks a stop was requested.
std::int64_t reduce(std::span<KMeansPairState* const> pairs, std::vector<Tally>& tallies, bool stop_requested,
                    Communicator& comm) {
  std::vector<std::int64_t> packed{stop_requested ? 1 : 0};
  for (std::size_t p = 0; p < pairs.size(); ++p) {
    packed.insert(packed.end(), {tallies[p].moved, tallies[p].unrepresentable});
    for (const auto* values : {&pairs[p]->sums, &pairs[p]->counts, &tallies[p].inertia}) {
      packed.insert(packed.end(), values->begin(), values->end());
    }
  }
  comm.allreduce(packed, ReduceOp::sum);
  auto next = packed.begin() + 1;
  for (Tally& tally : tallies) {
    tally.moved = *next++;
    tally.unrepresentable = *next++;
    for (auto* values : {&tally.sums, &tally.counts, &tally.inertia}) {
      std::copy_n(next, values->size(), values->begin());
      next += static_cast<std::ptrdiff_t>(values->size());
    }
  }
  return packed.front();
}

[[noreturn]] void throw_unrepresentable(const KMeansPairState& pair, std::int64_t rows) {
  const InputError error("The inertia of " + std::to_string(rows) + " rows is too large for K = " +
                             std::to_string(pair.clusters) + ", restart " + std::to_string(pair.restart),
                         "repairs of empty clusters pushed centroids far beyond all rows",
                         "Lower cluster.k: the rows have fewer distinct values.");
  throw AgreedError(error.exit_code(), error.what());
}

/// Takes a pair from one iteration to the next, with the tally of all ranks.
void advance(KMeansPairState& pair, Tally& tally, const FixedPointScales& scales, const StopRule& rule) {
  if (tally.unrepresentable > 0) throw_unrepresentable(pair, tally.unrepresentable);
  std::int64_t total = 0;
  for (const std::int64_t of_cluster : tally.inertia) total += of_cluster;
  pair.final_inertia = std::ldexp(static_cast<double>(total), -scales.inertia_log2);
  if (pair.phase == Phase::assigning) {
    pair.phase = Phase::done;
    return;
  }
  pair.inertia.push_back(pair.final_inertia);
  if (tally.moved == 0) {
    pair.converged = true;
    pair.phase = Phase::done;
    return;
  }
  pair.repairs += update_centroids(tally.sums, tally.counts, std::move(tally.inertia), scales.sum_log2, pair.centroids);
  const std::size_t iterations = pair.inertia.size();
  if (iterations >= 2) {
    const double previous = pair.inertia[iterations - 2];
    pair.converged = previous - pair.inertia.back() <= rule.tolerance * previous;
  }
  const bool at_limit = iterations >= static_cast<std::size_t>(rule.max_iterations);
  if (pair.converged || at_limit) pair.end_iterations();
}

}  // namespace

void KMeansPairState::begin(std::int64_t rows, int dim) {
  phase = Phase::iterating;
  assignment.assign(static_cast<std::size_t>(rows), -1);
  counts.assign(static_cast<std::size_t>(clusters), 0);
  sums.assign(static_cast<std::size_t>(clusters) * static_cast<std::size_t>(dim), 0);
}

void KMeansPairState::end_iterations() {
  phase = Phase::assigning;
  sums.clear();
  counts.clear();
}

void run_lloyd(const Context& context, const StopRule& rule, std::span<KMeansPairState> pairs) {
  while (true) {
    std::vector<KMeansPairState*> open;
    for (KMeansPairState& pair : pairs) {
      if (pair.phase != Phase::done) open.push_back(&pair);
    }
    if (open.empty()) return;
    std::vector<Tally> tallies = Pass(context, open).run();
    const bool stop = rule.stop_requested && rule.stop_requested();
    if (reduce(open, tallies, stop, context.comm) > 0) {
      throw AgreedError(ExitCode::interrupted, "k-means was interrupted (a rank was asked to stop) Start it again.");
    }
    for (std::size_t p = 0; p < open.size(); ++p) advance(*open[p], tallies[p], context.scales, rule);
  }
}

}  // namespace datus::lloyd
