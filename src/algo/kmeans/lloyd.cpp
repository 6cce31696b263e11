#include "algo/kmeans/lloyd.hpp"

#include "algo/kmeans/engine.hpp"
#include "algo/kmeans/update.hpp"
#include "datus/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

namespace datus::clustering {
namespace {

[[noreturn]] void throw_unrepresentable(const KMeansPair& pair, std::int64_t rows) {
  const InputError error("The inertia of " + std::to_string(rows) + " rows is too large for K = " +
                             std::to_string(pair.clusters) + ", restart " + std::to_string(pair.restart),
                         "repairs of empty clusters pushed centroids far beyond all rows",
                         "Lower cluster.k: the rows have fewer distinct values.");
  throw AgreedError(error.exit_code(), error.what());
}

/// Takes a pair from one iteration to the next.
void advance(WorkingPair& working, Found&& found, const FixedPointScales& scales, const StopRule& rule) {
  KMeansPair& pair = *working.pair;
  if (found.unrepresentable > 0) throw_unrepresentable(pair, found.unrepresentable);
  const std::int64_t total = std::accumulate(found.inertia.begin(), found.inertia.end(), std::int64_t{0});
  pair.final_inertia = std::ldexp(static_cast<double>(total), -scales.inertia_log2);
  if (pair.phase == KMeansPhase::assigning) {
    pair.phase = KMeansPhase::done;
    return;
  }
  pair.inertia.push_back(pair.final_inertia);
  if (found.moved == 0) {
    pair.converged = true;
    pair.phase = KMeansPhase::done;
    pair.previous.clear();
    return;
  }
  pair.previous = std::move(pair.centroids);
  pair.centroids = std::move(found.means);
  pair.repairs += refill_empty(found.counts, std::move(found.inertia), pair.centroids);
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
void restore(Engine& engine, std::span<WorkingPair> pairs) {
  std::vector<WorkingPair*> begun;
  for (WorkingPair& working : pairs) {
    if (working.pair->phase == KMeansPhase::iterating && !working.pair->previous.empty()) begun.push_back(&working);
  }
  if (!begun.empty()) engine.restore(begun);
}

std::vector<WorkingPair*> open_pairs(std::span<WorkingPair> pairs) {
  std::vector<WorkingPair*> open;
  for (WorkingPair& working : pairs) {
    const KMeansPhase phase = working.pair->phase;
    if (phase == KMeansPhase::iterating || phase == KMeansPhase::assigning) open.push_back(&working);
  }
  return open;
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

void run_lloyd(const Context& context, Engine& engine, const StopRule& rule, std::span<WorkingPair> pairs) {
  engine.begin(pairs);
  restore(engine, pairs);
  std::vector<WorkingPair*> open = open_pairs(pairs);
  while (!open.empty()) {
    Iteration iteration = engine.iterate(open, context.progress.stop_requested());
    for (std::size_t p = 0; p < open.size(); ++p) {
      advance(*open[p], std::move(iteration.pairs[p]), context.scales, rule);
    }
    engine.release(pairs);
    open = open_pairs(pairs);
    // Asked to stop in the last pass: there is nothing left to do another time.
    context.progress.pass_done(iteration.stop && !open.empty());
  }
}

}  // namespace datus::clustering
