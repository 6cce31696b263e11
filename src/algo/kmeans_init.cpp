#include "algo/kmeans_init.hpp"

#include "algo/kmeans_blocks.hpp"
#include "datus/algo/kmeans_random.hpp"
#include "datus/core/error.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

namespace datus::lloyd {
namespace {

using Key = std::array<std::uint32_t, 2>;

/// A row that takes part in a draw; the lowest one wins.
struct Ticket {
  /// The key: random bits, or a number >= 0 as the bit pattern of a double, which is ordered as the number.
  std::uint64_t key = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t row = std::numeric_limits<std::uint64_t>::max();
  friend auto operator<=>(const Ticket&, const Ticket&) = default;
};

/// COLLECTIVE. The values of the given global rows, [rows, D], on all ranks: each is added up from one rank that has it
/// and zeros.
std::vector<float> fetch_rows(const Context& context, const std::vector<std::uint64_t>& rows) {
  const auto dim = static_cast<std::size_t>(context.rows.dim());
  const std::int64_t first = context.rows.count() > 0 ? context.rows.first() : 0;
  std::vector<std::uint64_t> bits(rows.size() * dim, 0);
  std::vector<float> buffer;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::int64_t local = static_cast<std::int64_t>(rows[i]) - first;
    if (local < 0 || local >= context.rows.count()) continue;
    const std::span<const float> row = context.rows.block(local, 1, buffer);
    std::ranges::transform(row, bits.begin() + static_cast<std::ptrdiff_t>(i * dim),
                           [](float value) { return std::uint64_t{std::bit_cast<std::uint32_t>(value)}; });
  }
  context.comm.allreduce(bits, ReduceOp::sum);
  std::vector<float> values(bits.size());
  std::ranges::transform(bits, values.begin(),
                         [](std::uint64_t word) { return std::bit_cast<float>(static_cast<std::uint32_t>(word)); });
  return values;
}

/// k-means++ of one pair.
struct Draw {
  KMeansPairState* pair;
  Key key;
  /// [local rows]: the squared distance to the nearest chosen row; 1 before there is one.
  std::vector<double> weights;
  /// [threads]: the best row that each thread has seen in this round.
  std::vector<Ticket> best;
};

/// Lowers the weights of a block's rows by the distance to the row chosen last.
void lower_weights(const Context& context, const RowBlock& block, std::uint32_t round, Draw& draw) {
  const int dim = context.rows.dim();
  const float* chosen = draw.pair->centroids.data() + std::int64_t{round - 1} * dim;
  std::array<double, 64> distances;
  for (std::int64_t begin = 0; begin < block.count; begin += 64) {
    const std::int64_t count = std::min<std::int64_t>(64, block.count - begin);
    context.kernels.squared_distances(block.values + begin * dim, count, dim, chosen, distances.data());
    double* const weights = draw.weights.data() + block.first + begin;
    for (std::int64_t i = 0; i < count; ++i) {
      const double distance = distances[static_cast<std::size_t>(i)];
      weights[i] = round == 1 ? distance : std::min(weights[i], distance);
    }
  }
}

/// The best of a block's rows and of `best`. As -log(u) >= 1 - u, most rows cannot win and need no logarithm; the
/// margin is far above the rounding of both sides.
Ticket best_row(const Draw& draw, const RowBlock& block, std::uint64_t first_row, std::uint32_t round, Ticket best) {
  constexpr double margin = 1.0 - 0x1p-40;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  double best_key = best.row == Ticket{}.row ? infinity : std::bit_cast<double>(best.key);
  for (std::int64_t i = block.first; i < block.first + block.count; ++i) {
    const double weight = draw.weights[static_cast<std::size_t>(i)];
    if (weight == 0.0) continue;
    const std::uint64_t row = first_row + static_cast<std::uint64_t>(i);
    const double u = kmeans_uniform(draw.key, row, round);
    if ((1.0 - u) * margin > best_key * weight) continue;
    const Ticket ticket{std::bit_cast<std::uint64_t>(negative_log(u) / weight), row};
    if (ticket < best) {
      best = ticket;
      best_key = std::bit_cast<double>(ticket.key);
    }
  }
  return best;
}

/// COLLECTIVE. The winner of each draw over all threads and ranks.
std::vector<Ticket> agree_on_best(const std::vector<Draw*>& draws, Communicator& comm) {
  std::vector<Ticket> winners;
  std::vector<std::uint64_t> keys;
  for (const Draw* draw : draws) {
    winners.push_back(std::ranges::min(draw->best));
    keys.push_back(winners.back().key);
  }
  comm.allreduce(keys, ReduceOp::min);
  std::vector<std::uint64_t> rows;
  for (std::size_t i = 0; i < winners.size(); ++i) {
    rows.push_back(winners[i].key == keys[i] ? winners[i].row : Ticket{}.row);
  }
  comm.allreduce(rows, ReduceOp::min);
  for (std::size_t i = 0; i < winners.size(); ++i) winners[i] = {keys[i], rows[i]};
  return winners;
}

/// COLLECTIVE. Chooses centroid `round` of each draw.
void choose_next(const Context& context, std::uint32_t round, const std::vector<Draw*>& draws) {
  const std::uint64_t first_row = context.rows.count() > 0 ? static_cast<std::uint64_t>(context.rows.first()) : 0;
  for (Draw* draw : draws) draw->best.assign(static_cast<std::size_t>(context.threads), Ticket{});
  for_each_row_block(context.rows, context.threads, [&](std::size_t worker, const RowBlock& block) {
    for (Draw* draw : draws) {
      if (round > 0) lower_weights(context, block, round, *draw);
      draw->best[worker] = best_row(*draw, block, first_row, round, draw->best[worker]);
    }
  });
  std::vector<std::uint64_t> rows;
  for (const Ticket& winner : agree_on_best(draws, context.comm)) rows.push_back(winner.row);
  if (std::ranges::find(rows, Ticket{}.row) != rows.end()) {
    // Every row has weight 0: it equals one of the `round` rows that were chosen, which all differ.
    const InputError error("Only " + std::to_string(round) + " distinct rows",
                           "K = " + std::to_string(draws.front()->pair->clusters) + " clusters were asked for",
                           "Lower cluster.k, or use more descriptors.");
    throw AgreedError(error.exit_code(), error.what());
  }
  const std::vector<float> values = fetch_rows(context, rows);
  const auto dim = static_cast<std::ptrdiff_t>(context.rows.dim());
  for (std::size_t i = 0; i < draws.size(); ++i) {
    std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(i) * dim, dim,
                draws[i]->pair->centroids.begin() + std::ptrdiff_t{round} * dim);
  }
}

/// The `count` lowest tickets of this rank's rows, in order.
std::vector<Ticket> lowest_tickets(const Context& context, Key key, std::size_t count) {
  std::vector<Ticket> lowest;  // A heap: the highest one, the next to go, is in front.
  for (std::int64_t i = 0; i < context.rows.count(); ++i) {
    const auto row = static_cast<std::uint64_t>(context.rows.first() + i);
    const Ticket ticket{kmeans_draw(key, row, 0), row};
    if (lowest.size() == count) {
      if (ticket > lowest.front()) continue;
      std::ranges::pop_heap(lowest);
      lowest.pop_back();
    }
    lowest.push_back(ticket);
    std::ranges::push_heap(lowest);
  }
  std::ranges::sort_heap(lowest);
  return lowest;
}

}  // namespace

void choose_by_distance(const Context& context, std::uint64_t seed, std::span<KMeansPairState> pairs) {
  const auto dim = static_cast<std::size_t>(context.rows.dim());
  std::vector<Draw> draws;
  int rounds = 0;
  for (KMeansPairState& pair : pairs) {
    pair.centroids.resize(static_cast<std::size_t>(pair.clusters) * dim);
    draws.push_back({&pair,
                     kmeans_key(KMeansPurpose::plus_plus, seed, pair.restart, pair.clusters),
                     std::vector<double>(static_cast<std::size_t>(context.rows.count()), 1.0),
                     {}});
    rounds = std::max(rounds, pair.clusters);
  }
  for (int round = 0; round < rounds; ++round) {
    std::vector<Draw*> open;
    for (Draw& draw : draws) {
      if (round < draw.pair->clusters) open.push_back(&draw);
    }
    choose_next(context, static_cast<std::uint32_t>(round), open);
  }
}

void choose_random_rows(const Context& context, std::uint64_t seed, std::span<KMeansPairState> pairs) {
  for (KMeansPairState& pair : pairs) {
    const auto count = static_cast<std::size_t>(pair.clusters);
    const Key key = kmeans_key(KMeansPurpose::random_rows, seed, pair.restart, pair.clusters);
    const std::vector<Ticket> mine = lowest_tickets(context, key, count);
    std::vector<Ticket> all;
    for (const auto& bytes : allgather(context.comm, std::as_bytes(std::span(mine)))) {
      const std::size_t before = all.size();
      all.resize(before + bytes.size() / sizeof(Ticket));
      if (!bytes.empty()) std::memcpy(all.data() + before, bytes.data(), bytes.size());
    }
    std::ranges::sort(all);
    all.resize(count);
    std::vector<std::uint64_t> rows;
    for (const Ticket& ticket : all) rows.push_back(ticket.row);
    pair.centroids = fetch_rows(context, rows);
  }
}

}  // namespace datus::lloyd
