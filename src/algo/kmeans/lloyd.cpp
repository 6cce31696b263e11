#include "algo/kmeans/lloyd.hpp"

#include "algo/kmeans/pass.hpp"
#include "algo/kmeans/update.hpp"
#include "datus/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

namespace datus::lloyd {
namespace {

/// COLLECTIVE. The one allreduce of an iteration: makes of the ranks' tallies those of all rows, with sums and counts
/// in full. Returns on how many ranks a stop was requested.
std::int64_t reduce(std::span<WorkingPair* const> pairs, std::vector<Tally>& tallies, bool stop_requested,
                    Communicator& comm) {
  std::vector<std::int64_t> packed{stop_requested ? 1 : 0};
  for (std::size_t p = 0; p < pairs.size(); ++p) {
    packed.insert(packed.end(), {tallies[p].moved, tallies[p].unrepresentable});
    for (const auto* values : {&pairs[p]->sums, &pairs[p]->counts, &pairs[p]->squares, &tallies[p].inertia}) {
      packed.insert(packed.end(), values->begin(), values->end());
    }
  }
  comm.allreduce(packed, ReduceOp::sum);
  auto next = packed.begin() + 1;
  for (Tally& tally : tallies) {
    tally.moved = *next++;
    tally.unrepresentable = *next++;
    for (auto* values : {&tally.sums, &tally.counts, &tally.squares, &tally.inertia}) {
      std::copy_n(next, values->size(), values->begin());
      next += static_cast<std::ptrdiff_t>(values->size());
    }
  }
  return packed.front();
}

[[noreturn]] void throw_unrepresentable(const KMeansPair& pair, std::int64_t rows) {
  const InputError error("The inertia of " + std::to_string(rows) + " rows is too large for K = " +
                             std::to_string(pair.clusters) + ", restart " + std::to_string(pair.restart),
                         "repairs of empty clusters pushed centroids far beyond all rows",
                         "Lower cluster.k: the rows have fewer distinct values.");
  throw AgreedError(error.exit_code(), error.what());
}

/// [K]: the inertia of each cluster from its totals, |x|^2 summed up - 2 sum.c + count |c|^2, in units of its scale.
std::vector<std::int64_t> inertia_of_totals(const KMeansPair& pair, const Tally& tally,
                                            const FixedPointScales& scales) {
  const std::size_t dim = pair.centroids.size() / static_cast<std::size_t>(pair.clusters);
  std::vector<std::int64_t> inertia;
  for (std::size_t k = 0; k < static_cast<std::size_t>(pair.clusters); ++k) {
    const auto count = static_cast<double>(tally.counts[k]);
    // sum.c and count |c|^2 / 2 are nearly equal: their difference, coordinate by coordinate, keeps more digits.
    double rest = 0.0;
    for (std::size_t i = k * dim; i < (k + 1) * dim; ++i) {
      const auto centre = static_cast<double>(pair.centroids[i]);
      const double sum = std::ldexp(static_cast<double>(tally.sums[i]), -scales.sum_log2);
      rest = std::fma(centre, std::fma(-2.0, sum, count * centre), rest);
    }
    const double units = static_cast<double>(tally.squares[k]) + std::ldexp(rest, scales.inertia_log2);
    inertia.push_back(std::max<std::int64_t>(0, std::llrint(units)));
  }
  return inertia;
}

/// Takes a pair from one iteration to the next, with the tally of all ranks.
void advance(WorkingPair& working, Tally& tally, const FixedPointScales& scales, const StopRule& rule) {
  KMeansPair& pair = *working.pair;
  if (tally.unrepresentable > 0) throw_unrepresentable(pair, tally.unrepresentable);
  if (!tally.squares.empty()) tally.inertia = inertia_of_totals(pair, tally, scales);
  const std::int64_t total = std::accumulate(tally.inertia.begin(), tally.inertia.end(), std::int64_t{0});
  pair.final_inertia = std::ldexp(static_cast<double>(total), -scales.inertia_log2);
  if (pair.phase == KMeansPhase::assigning) {
    pair.phase = KMeansPhase::done;
    return;
  }
  pair.inertia.push_back(pair.final_inertia);
  if (tally.moved == 0) {
    pair.converged = true;
    pair.phase = KMeansPhase::done;
    pair.previous.clear();
    return;
  }
  pair.previous = pair.centroids;
  pair.repairs += update_centroids(tally.sums, tally.counts, std::move(tally.inertia), scales.sum_log2, pair.centroids);
  if (!working.bounds.empty()) working.drift = drift_between(pair.previous, pair.centroids, pair.clusters);
  const std::size_t iterations = pair.inertia.size();
  if (iterations >= 2) {
    const double previous = pair.inertia[iterations - 2];
    pair.converged = previous - pair.inertia.back() <= rule.tolerance * previous;
  }
  const bool at_limit = iterations >= static_cast<std::size_t>(rule.max_iterations);
  if (!pair.converged && !at_limit) return;
  pair.phase = KMeansPhase::assigning;
  pair.previous.clear();
}

/// Assignment, sums and counts of pairs that had begun before an interruption.
void restore(const Context& context, std::span<WorkingPair> pairs) {
  std::vector<WorkingPair*> begun;
  for (WorkingPair& working : pairs) {
    if (working.pair->phase == KMeansPhase::iterating && !working.pair->previous.empty()) begun.push_back(&working);
  }
  if (!begun.empty()) (void)run_pass(context, begun, Target::previous);
}

std::vector<WorkingPair*> open_pairs(std::span<WorkingPair> pairs) {
  std::vector<WorkingPair*> open;
  for (WorkingPair& working : pairs) {
    const KMeansPhase phase = working.pair->phase;
    if (phase == KMeansPhase::iterating || phase == KMeansPhase::assigning) open.push_back(&working);
  }
  return open;
}

/// Empties a vector and gives its memory back, which an assignment of {} would keep.
template <class T>
void release(std::vector<T>& values) {
  std::vector<T>().swap(values);
}

/// Gives back the memory that the next passes do not need.
void shrink(std::span<WorkingPair> pairs) {
  for (WorkingPair& working : pairs) {
    const KMeansPhase phase = working.pair->phase;
    const bool sums_of_rows = phase == KMeansPhase::assigning && working.squares.empty();
    if (phase == KMeansPhase::done || sums_of_rows) {
      release(working.sums);
      release(working.counts);
    }
    if (phase == KMeansPhase::done) working.bounds = {};
    if (phase == KMeansPhase::done && is_beaten(*working.pair, pairs)) release(working.assignment);
  }
}

}  // namespace

void WorkingPair::begin(const Context& context) {
  const KMeansPhase phase = pair->phase;
  if (phase == KMeansPhase::done) return;
  const auto clusters = static_cast<std::size_t>(pair->clusters);
  assignment.assign(static_cast<std::size_t>(context.rows.count()), -1);
  if (context.fast) squares.assign(clusters, 0);
  if (context.fast || (phase == KMeansPhase::iterating && pair->clusters >= bounded_clusters)) {
    bounds = RowBounds(context.rows.count(), context.fast);
    trial = BoundsTrial(pair->clusters);
  }
  if (!context.fast && phase != KMeansPhase::iterating) return;
  counts.assign(clusters, 0);
  sums.assign(clusters * static_cast<std::size_t>(context.rows.dim()), 0);
}

BoundsUse WorkingPair::bounds_use() const {
  if (bounds.empty()) return BoundsUse::none;
  // In fast mode a row that is not in doubt is not looked at: bounds always pay.
  return squares.empty() ? trial.use() : BoundsUse::rely;
}

bool is_beaten(const KMeansPair& pair, std::span<const WorkingPair> pairs) {
  return std::ranges::any_of(pairs, [&](const WorkingPair& working) {
    const KMeansPair& other = *working.pair;
    return other.phase == KMeansPhase::done && other.clusters == pair.clusters &&
           std::pair(other.final_inertia, other.restart) < std::pair(pair.final_inertia, pair.restart);
  });
}

void run_lloyd(const Context& context, const StopRule& rule, std::span<WorkingPair> pairs) {
  restore(context, pairs);
  std::vector<WorkingPair*> open = open_pairs(pairs);
  while (!open.empty()) {
    std::vector<Tally> tallies = run_pass(context, open, Target::current);
    for (std::size_t p = 0; p < open.size(); ++p) {
      open[p]->drift = {};
      open[p]->trial.pass_done(tallies[p].moved, tallies[p].doubtful, context.rows.count());
    }
    const bool stop = reduce(open, tallies, context.progress.stop_requested(), context.comm) > 0;
    for (std::size_t p = 0; p < open.size(); ++p) advance(*open[p], tallies[p], context.scales, rule);
    shrink(pairs);
    open = open_pairs(pairs);
    // Asked to stop in the last pass: there is nothing left to do another time.
    context.progress.pass_done(stop && !open.empty());
  }
}

}  // namespace datus::lloyd
