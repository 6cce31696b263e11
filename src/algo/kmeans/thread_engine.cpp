// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/engine.hpp"
#include "algo/kmeans/pass.hpp"
#include "algo/kmeans/thread_weights.hpp"
#include "algo/kmeans/update.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace datus::clustering {
namespace {

Found found_in(Tally&& tally, const KMeansPair& pair, const Context& context) {
  Found found;
  found.moved = tally.moved;
  found.unrepresentable = tally.unrepresentable;
  found.inertia = inertia_of_clusters(pair, tally, context.scales, context.kernels);
  if (pair.phase == KMeansPhase::iterating) {
    found.means = pair.centroids;
    take_means(tally, context.scales, found.means);
    round_to_stored(pair.precise, context.summary.origin, found.means);
  }
  found.counts = std::move(tally.counts);
  if (!found.means.empty() && found.has_empty()) found.sums = std::move(tally.sums);
  return found;
}

class ThreadEngine final : public Engine {
 public:
  explicit ThreadEngine(const Context& context) : context_(context) {}

  bool is_for_precise() const override { return true; }

  void begin(std::span<WorkingPair> pairs) override {
    for (WorkingPair& pair : pairs) pair.begin(context_);
  }

  void restore(std::span<WorkingPair* const> pairs) override { (void)run_pass(context_, pairs, Target::previous); }

  Iteration iterate(std::span<WorkingPair* const> pairs, bool stop_requested) override {
    std::vector<Tally> tallies = run_pass(context_, pairs, Target::current);
    for (WorkingPair* pair : pairs) pair->drift = {};
    Iteration iteration;
    iteration.stop = reduce(tallies, stop_requested, context_.comm) > 0;
    for (std::size_t p = 0; p < pairs.size(); ++p) {
      iteration.pairs.push_back(found_in(std::move(tallies[p]), *pairs[p]->pair, context_));
    }
    return iteration;
  }

  std::span<const std::int32_t> labels_of(WorkingPair& pair) override { return pair.assignment; }

  void release(std::span<WorkingPair> pairs) override {
    for (WorkingPair& working : pairs) {
      if (working.pair->phase != KMeansPhase::done) continue;
      working.totals = Tally({}, 0);
      working.bounds = {};
      // An assignment of {} would keep the memory.
      if (is_beaten(*working.pair, pairs)) std::vector<std::int32_t>().swap(working.assignment);
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
