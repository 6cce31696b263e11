#include "algo/kmeans/engine.hpp"
#include "algo/kmeans/pass.hpp"
#include "algo/kmeans/thread_weights.hpp"
#include "algo/kmeans/totals.hpp"
#include "algo/kmeans/update.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace datus::clustering {
namespace {

/// Of all ranks: sums and counts in full. Returns on how many ranks a stop was requested.
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

/// [K]: the inertia of each cluster from its totals.
std::vector<std::int64_t> inertia_of_clusters(const KMeansPair& pair, const Tally& tally,
                                              const FixedPointScales& scales) {
  const std::size_t dim = pair.centroids.size() / static_cast<std::size_t>(pair.clusters);
  const double sum_unit = std::ldexp(1.0, -scales.sum_log2);
  const double inertia_scale = std::ldexp(1.0, scales.inertia_log2);
  std::vector<std::int64_t> inertia;
  for (std::size_t k = 0; k < tally.counts.size(); ++k) {
    const ClusterTotals totals{tally.sums.data() + k * dim, tally.counts[k], tally.squares[k], sum_unit, inertia_scale};
    inertia.push_back(inertia_of_totals(totals, pair.centroids.data() + k * dim, static_cast<int>(dim)));
  }
  return inertia;
}

Found found_in(Tally&& tally, const KMeansPair& pair, const FixedPointScales& scales) {
  Found found;
  found.moved = tally.moved;
  found.unrepresentable = tally.unrepresentable;
  found.inertia = tally.squares.empty() ? std::move(tally.inertia) : inertia_of_clusters(pair, tally, scales);
  if (pair.phase == KMeansPhase::iterating) {
    found.means = pair.centroids;
    take_means(tally.sums, tally.counts, scales.sum_log2, found.means);
    found.counts = std::move(tally.counts);
  }
  return found;
}

/// Empties a vector and gives its memory back, which an assignment of {} would keep.
template <class T>
void give_back(std::vector<T>& values) {
  std::vector<T>().swap(values);
}

class ThreadEngine final : public Engine {
 public:
  explicit ThreadEngine(const Context& context) : context_(context) {}

  void begin(std::span<WorkingPair> pairs) override {
    for (WorkingPair& pair : pairs) pair.begin(context_);
  }

  void restore(std::span<WorkingPair* const> pairs) override { (void)run_pass(context_, pairs, Target::previous); }

  Iteration iterate(std::span<WorkingPair* const> pairs, bool stop_requested) override {
    std::vector<Tally> tallies = run_pass(context_, pairs, Target::current);
    for (std::size_t p = 0; p < pairs.size(); ++p) {
      pairs[p]->drift = {};
      pairs[p]->trial.pass_done(tallies[p].moved, tallies[p].doubtful, context_.rows.count());
    }
    Iteration iteration;
    iteration.stop = reduce(pairs, tallies, stop_requested, context_.comm) > 0;
    for (std::size_t p = 0; p < pairs.size(); ++p) {
      iteration.pairs.push_back(found_in(std::move(tallies[p]), *pairs[p]->pair, context_.scales));
    }
    return iteration;
  }

  void release(std::span<WorkingPair> pairs) override {
    for (WorkingPair& working : pairs) {
      const KMeansPhase phase = working.pair->phase;
      const bool sums_of_rows = phase == KMeansPhase::assigning && working.squares.empty();
      if (phase == KMeansPhase::done || sums_of_rows) {
        give_back(working.sums);
        give_back(working.counts);
      }
      if (phase == KMeansPhase::done) working.bounds = {};
      if (phase == KMeansPhase::done && is_beaten(*working.pair, pairs)) give_back(working.assignment);
    }
  }

  std::unique_ptr<RowWeights> weigh_rows(std::size_t draws) override { return make_thread_weights(context_, draws); }

 private:
  const Context& context_;
};

}  // namespace

std::unique_ptr<Engine> make_thread_engine(const Context& context) {
  return std::make_unique<ThreadEngine>(context);
}

}  // namespace datus::clustering
