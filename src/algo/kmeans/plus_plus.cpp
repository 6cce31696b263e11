#include "algo/kmeans/blocks.hpp"
#include "algo/kmeans/draw.hpp"
#include "algo/kmeans/init.hpp"
#include "datus/algo/kmeans_random.hpp"
#include "datus/core/error.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <string>
#include <vector>

namespace datus::lloyd {
namespace {

/// k-means++ of one pair.
struct Draw {
  KMeansPair* pair;
  DrawKey key;
  /// [local rows]: the squared distance to the nearest of the first `weighed` chosen rows; 1 before there is one.
  std::vector<double> weights;
  std::int64_t weighed = 0;
  /// [threads]: the best row that each thread has seen in this round.
  std::vector<Ticket> best = {};

  [[nodiscard]] std::int64_t chosen(int dim) const { return std::ssize(pair->centroids) / dim; }
};

/// Lowers the weights of a block's rows by the distances to the chosen rows that they do not know yet.
void lower_weights(const Context& context, const RowBlock& block, Draw& draw) {
  const int dim = context.rows.dim();
  std::array<double, 64> distances;
  for (std::int64_t begin = 0; begin < block.count; begin += 64) {
    const std::int64_t count = std::min<std::int64_t>(64, block.count - begin);
    double* const weights = draw.weights.data() + block.first + begin;
    for (std::int64_t k = draw.weighed; k < draw.chosen(dim); ++k) {
      const float* chosen = draw.pair->centroids.data() + k * dim;
      context.kernels.squared_distances(block.values + begin * dim, count, dim, chosen, distances.data());
      for (std::int64_t i = 0; i < count; ++i) {
        const double distance = distances[static_cast<std::size_t>(i)];
        weights[i] = k == 0 ? distance : std::min(weights[i], distance);
      }
    }
  }
}

/// The best of a block's rows and of `best`.
Ticket best_row(const Draw& draw, const RowBlock& block, std::uint64_t first_row, std::uint32_t round, Ticket best) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  double best_key = best.row == nobody ? infinity : std::bit_cast<double>(best.key);
  for (std::int64_t i = block.first; i < block.first + block.count; ++i) {
    const double weight = draw.weights[static_cast<std::size_t>(i)];
    if (weight == 0.0) continue;
    const std::uint64_t row = first_row + static_cast<std::uint64_t>(i);
    const double u = kmeans_uniform(draw.key, row, round);
    if (!can_win(u, weight, best_key)) continue;
    const Ticket ticket{std::bit_cast<std::uint64_t>(negative_log(u) / weight), row};
    if (ticket < best) {
      best = ticket;
      best_key = std::bit_cast<double>(ticket.key);
    }
  }
  return best;
}

struct Agreement {
  /// The winner of each draw over all threads and ranks.
  std::vector<std::uint64_t> rows;
  bool stop = false;
};

/// COLLECTIVE.
Agreement agree_on_best(const std::vector<Draw*>& draws, const Context& context) {
  std::vector<Ticket> winners;
  std::vector<std::uint64_t> keys;
  for (const Draw* draw : draws) {
    winners.push_back(std::ranges::min(draw->best));
    keys.push_back(winners.back().key);
  }
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
void choose_next(const Context& context, const std::vector<Draw*>& draws) {
  const int dim = context.rows.dim();
  const std::uint64_t first_row = context.rows.count() > 0 ? static_cast<std::uint64_t>(context.rows.first()) : 0;
  for (Draw* draw : draws) draw->best.assign(static_cast<std::size_t>(context.threads), Ticket{});
  for_each_block(context.rows, context.threads, [&](std::size_t worker, const RowBlock& block) {
    for (Draw* draw : draws) {
      lower_weights(context, block, *draw);
      const auto round = static_cast<std::uint32_t>(draw->chosen(dim));
      draw->best[worker] = best_row(*draw, block, first_row, round, draw->best[worker]);
    }
  });
  const Agreement agreed = agree_on_best(draws, context);
  for (std::size_t i = 0; i < draws.size(); ++i) {
    draws[i]->weighed = draws[i]->chosen(dim);
    // Every row has weight 0: it equals one of the chosen rows, which all differ.
    if (agreed.rows[i] == nobody) throw_too_few_rows(draws[i]->pair->centroids.size() / dim, draws[i]->pair->clusters);
  }
  const std::vector<float> values = fetch_rows(context, agreed.rows);
  for (std::size_t i = 0; i < draws.size(); ++i) {
    KMeansPair& pair = *draws[i]->pair;
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(i) * dim;
    pair.centroids.insert(pair.centroids.end(), begin, begin + dim);
    if (draws[i]->chosen(dim) < pair.clusters) continue;
    pair.phase = KMeansPhase::iterating;
    std::vector<double>().swap(draws[i]->weights);
  }
  context.progress.pass_done(agreed.stop);
}

}  // namespace

void throw_too_few_rows(std::size_t distinct, int clusters) {
  const InputError error("Only " + std::to_string(distinct) + " distinct rows",
                         "K = " + std::to_string(clusters) + " clusters were asked for",
                         "Lower cluster.k, or use more descriptors.");
  throw AgreedError(error.exit_code(), error.what());
}

void choose_by_distance(const Context& context, std::uint64_t seed, const std::vector<KMeansPair*>& pairs) {
  std::vector<Draw> draws;
  for (KMeansPair* pair : pairs) {
    draws.push_back({.pair = pair,
                     .key = kmeans_key(KMeansPurpose::plus_plus, seed, pair->restart, pair->clusters),
                     .weights = std::vector<double>(static_cast<std::size_t>(context.rows.count()), 1.0)});
  }
  while (true) {
    std::vector<Draw*> open;
    for (Draw& draw : draws) {
      if (draw.pair->phase == KMeansPhase::seeding) open.push_back(&draw);
    }
    if (open.empty()) return;
    choose_next(context, open);
  }
}

}  // namespace datus::lloyd
