// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/draw.hpp"
#include "algo/kmeans/engine.hpp"
#include "algo/kmeans/init.hpp"
#include "algo/kmeans/random.hpp"
#include "algo/kmeans/row_weights.hpp"
#include "datus/core/error.hpp"

#include <iterator>
#include <memory>
#include <string>
#include <vector>

namespace datus::clustering {
namespace {

/// k-means++ of one pair.
struct Draw {
  KMeansPair* pair;
  WeighedRound round;

  /// Makes the round that of the rows chosen so far.
  void go_on(int dim) {
    round.chosen = pair->centroids;
    round.round = static_cast<std::uint32_t>(std::ssize(pair->centroids) / dim);
  }
};

struct Agreement {
  /// The winner of each draw over all threads and ranks.
  std::vector<std::uint64_t> rows;
  bool stop = false;
};

/// COLLECTIVE.
Agreement agree_on_best(const std::vector<Ticket>& winners, const Context& context) {
  std::vector<std::uint64_t> keys;
  for (const Ticket& winner : winners) keys.push_back(winner.key);
  keys.push_back(context.progress.stop_requested() ? 0 : 1);
  context.comm.allreduce(keys, ReduceOp::min);
  Agreement agreed;
  for (std::size_t i = 0; i < winners.size(); ++i) {
    agreed.rows.push_back(winners[i].key == keys[i] ? winners[i].row : nobody);
  }
  context.comm.allreduce(agreed.rows, ReduceOp::min);
  agreed.stop = keys.back() == 0;
  return agreed;
}

/// COLLECTIVE. One pass: the next centroid of each draw.
void choose_next(const Context& context, RowWeights& weights, const std::vector<Draw*>& draws) {
  const int dim = context.rows.dim();
  std::vector<WeighedRound> rounds;
  for (Draw* draw : draws) {
    draw->go_on(dim);
    rounds.push_back(draw->round);
  }
  const Agreement agreed = agree_on_best(weights.lowest_tickets(rounds), context);
  for (std::size_t i = 0; i < draws.size(); ++i) {
    draws[i]->round.weighed = draws[i]->round.round;
    // Every row has weight 0: it equals one of the chosen rows, which all differ.
    if (agreed.rows[i] == nobody) throw_too_few_rows(draws[i]->round.round, draws[i]->pair->clusters);
  }
  const std::vector<double> values = fetch_rows(context, agreed.rows);
  for (std::size_t i = 0; i < draws.size(); ++i) {
    KMeansPair& pair = *draws[i]->pair;
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(i) * dim;
    pair.centroids.insert(pair.centroids.end(), begin, begin + dim);
    if (std::ssize(pair.centroids) / dim < pair.clusters) continue;
    pair.phase = KMeansPhase::iterating;
    weights.forget(draws[i]->round.draw);
  }
  context.progress.pass_done(agreed.stop);
}

}  // namespace

void throw_too_few_rows(std::int64_t distinct, int clusters) {
  const InputError error("Only " + std::to_string(distinct) + " distinct rows",
                         "K = " + std::to_string(clusters) + " clusters were asked for",
                         "Lower cluster.k, or use more descriptors.");
  throw AgreedError(error.exit_code(), error.what());
}

void choose_by_distance(const Context& context, Engine& engine, std::uint64_t seed,
                        const std::vector<KMeansPair*>& pairs) {
  std::vector<Draw> draws;
  for (KMeansPair* pair : pairs) {
    const DrawKey key = kmeans_key(KMeansPurpose::plus_plus, seed, pair->restart, pair->clusters);
    draws.push_back({pair, {.draw = draws.size(), .key = key, .chosen = {}}});
  }
  const std::unique_ptr<RowWeights> weights = engine.weigh_rows(draws.size());
  while (true) {
    std::vector<Draw*> open;
    for (Draw& draw : draws) {
      if (draw.pair->phase == KMeansPhase::seeding) open.push_back(&draw);
    }
    if (open.empty()) return;
    choose_next(context, *weights, open);
  }
}

}  // namespace datus::clustering
