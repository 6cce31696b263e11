// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/lloyd.hpp"

#include "algo/kmeans/engine.hpp"
#include "algo/kmeans/refill.hpp"
#include "algo/kmeans/update.hpp"
#include "datus/core/error.hpp"
#include "datus/core/log.hpp"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <string>
#include <utility>

namespace datus::clustering {
namespace {

[[noreturn]] void throw_unrepresentable(const KMeansPair& pair, std::int64_t rows) {
  const InputError error("The inertia of " + std::to_string(rows) + " rows is too large for K = " +
                             std::to_string(pair.clusters) + ", restart " + std::to_string(pair.restart),
                         "centroids lie far beyond all rows, where no mean of rows does",
                         "Remove the checkpoint that they are from, and start again.");
  throw AgreedError(error.exit_code(), error.what());
}

/// Whether no row moved, to centroids that may be the last ones: not those of a pair that has just become precise,
/// which are rounded.
bool is_at_rest(const KMeansPair& pair, const Found& found) {
  const bool are_rounded = pair.precise && pair.precise_since > 0 && pair.precise_since == std::ssize(pair.inertia);
  return found.moved == 0 && !are_rounded;
}

/// COLLECTIVE. Refills the clusters that are empty, of pairs that are to be updated.
void refill(const Context& context, Engine& engine, std::vector<Update> updates) {
  std::erase_if(updates, [](const Update& update) {
    return update.found->sums.empty() || is_at_rest(*update.working->pair, *update.found);
  });
  if (!updates.empty()) refill_empty(context, engine, updates);
}

/// Takes a pair from one iteration to the next.
void advance(const Update& update, const StopRule& rule) {
  auto& [working, found] = update;
  KMeansPair& pair = *working->pair;
  pair.final_inertia = std::accumulate(found->inertia.begin(), found->inertia.end(), 0.0);
  if (pair.phase == KMeansPhase::assigning) {
    pair.phase = KMeansPhase::done;
    return;
  }
  const bool at_rest = is_at_rest(pair, *found);
  pair.inertia.push_back(pair.final_inertia);
  if (at_rest) {
    pair.converged = true;
    pair.phase = KMeansPhase::done;
    pair.previous.clear();
    return;
  }
  pair.previous = std::move(pair.centroids);
  pair.centroids = std::move(found->means);
  if (!working->bounds.empty()) working->drift = drift_between(pair.previous, pair.centroids, pair.clusters);
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

/// Whether a pair's pass must be made again, in f64, and is from now on.
bool becomes_precise(WorkingPair& working, const Found& found) {
  KMeansPair& pair = *working.pair;
  if (found.unrepresentable > 0) throw_unrepresentable(pair, found.unrepresentable);
  if (pair.precise) return false;
  const double inertia = std::accumulate(found.inertia.begin(), found.inertia.end(), 0.0);
  pair.precise = needs_precision(found.counts, pair.centroids, inertia);
  if (pair.precise) pair.precise_since = std::ssize(pair.inertia);
  return pair.precise;
}

void leave_gpu(const Context& context, std::unique_ptr<Engine>& engine) {
  if (context.comm.rank() == 0) {
    log::info("the rows are very near to their centroids: k-means goes on in double precision, without the GPU");
  }
  engine = make_thread_engine(context);
}

/// COLLECTIVE. Lets pairs that have become precise begin anew where they are. From then on all passes are made on the
/// threads of the processor.
void begin_precisely(const Context& context, std::unique_ptr<Engine>& engine, std::span<WorkingPair> pairs,
                     std::vector<WorkingPair*> precise) {
  if (engine->is_for_precise()) {
    for (WorkingPair* working : precise) working->begin(context);
    std::erase_if(precise, [](const WorkingPair* working) { return working->pair->previous.empty(); });
    if (!precise.empty()) engine->restore(precise);
    return;
  }
  leave_gpu(context, engine);
  engine->begin(pairs);
  restore(*engine, pairs);
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
  if (pair->phase == KMeansPhase::done) return;
  assignment.assign(static_cast<std::size_t>(context.rows.count()), -1);
  totals = Tally(*pair, context.rows.dim());
  // Each row of a precise pair is looked at in each pass.
  const bool is_bounded = !pair->precise && (context.fast || pair->clusters >= bounded_clusters);
  bounds = is_bounded ? RowBounds(context.rows.count()) : RowBounds();
  drift = {};
}

bool is_beaten(const KMeansPair& pair, std::span<const WorkingPair> pairs) {
  return std::ranges::any_of(pairs, [&](const WorkingPair& working) {
    const KMeansPair& other = *working.pair;
    return other.phase == KMeansPhase::done && other.clusters == pair.clusters &&
           std::pair(other.final_inertia, other.restart) < std::pair(pair.final_inertia, pair.restart);
  });
}

void run_lloyd(const Context& context, std::unique_ptr<Engine>& engine, const StopRule& rule,
               std::span<WorkingPair> pairs) {
  // Mini-batches may have made a pair precise.
  const bool some_precise =
      std::ranges::any_of(pairs, [](const WorkingPair& working) { return working.pair->precise; });
  if (some_precise && !engine->is_for_precise()) leave_gpu(context, engine);
  engine->begin(pairs);
  restore(*engine, pairs);
  std::vector<WorkingPair*> open = open_pairs(pairs);
  while (!open.empty()) {
    Iteration iteration = engine->iterate(open, context.progress.stop_requested());
    std::vector<WorkingPair*> precise;
    std::vector<Update> updates;
    for (std::size_t p = 0; p < open.size(); ++p) {
      if (becomes_precise(*open[p], iteration.pairs[p])) {
        precise.push_back(open[p]);
      } else {
        updates.push_back({open[p], &iteration.pairs[p]});
      }
    }
    refill(context, *engine, updates);
    for (const Update& update : updates) advance(update, rule);
    engine->release(pairs);
    if (!precise.empty()) begin_precisely(context, engine, pairs, std::move(precise));
    open = open_pairs(pairs);
    // Asked to stop in the last pass: there is nothing left to do another time.
    context.progress.pass_done(iteration.stop && !open.empty());
  }
}

}  // namespace datus::clustering
