// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/thread_weights.hpp"

#include "algo/kmeans/blocks.hpp"
#include "algo/kmeans/random.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

namespace datus::clustering {
namespace {

class ThreadWeights final : public RowWeights {
 public:
  ThreadWeights(const Context& context, std::size_t draws)
      : context_(context), weights_(draws, std::vector<double>(static_cast<std::size_t>(context.rows.count()), 1.0)) {}

  std::vector<Ticket> lowest_tickets(std::span<const WeighedRound> rounds) override {
    // [rounds][threads]
    std::vector<std::vector<Ticket>> best(rounds.size(),
                                          std::vector<Ticket>(static_cast<std::size_t>(context_.threads)));
    for_each_block(context_.rows, context_.threads, [&](std::size_t worker, const RowBlock& block) {
      for (std::size_t i = 0; i < rounds.size(); ++i) {
        lower_weights(block, rounds[i]);
        best[i][worker] = best_row(block, rounds[i], best[i][worker]);
      }
    });
    std::vector<Ticket> lowest;
    for (const auto& of_threads : best) lowest.push_back(std::ranges::min(of_threads));
    return lowest;
  }

  void forget(std::size_t draw) override { std::vector<double>().swap(weights_[draw]); }

 private:
  /// Lowers the weights of a block's rows by the distances to the chosen rows that they do not know yet.
  void lower_weights(const RowBlock& block, const WeighedRound& round) {
    const int dim = context_.rows.dim();
    std::array<double, 64> distances;
    for (std::int64_t begin = 0; begin < block.count; begin += 64) {
      const std::int64_t count = std::min<std::int64_t>(64, block.count - begin);
      const RowBlock part = part_of(block, begin, count, dim);
      double* const weights = weights_[round.draw].data() + block.first + begin;
      for (std::int64_t k = round.weighed; k < std::ssize(round.chosen) / dim; ++k) {
        squared_distances(context_.kernels, part, dim, round.chosen.data() + k * dim, distances.data());
        for (std::int64_t i = 0; i < count; ++i) {
          const double distance = distances[static_cast<std::size_t>(i)];
          weights[i] = k == 0 ? distance : std::min(weights[i], distance);
        }
      }
    }
  }

  /// The best of a block's rows and of `best`.
  [[nodiscard]] Ticket best_row(const RowBlock& block, const WeighedRound& round, Ticket best) const {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const auto first_row = static_cast<std::uint64_t>(context_.rows.first());
    double best_key = best.row == nobody ? infinity : std::bit_cast<double>(best.key);
    for (std::int64_t i = block.first; i < block.first + block.count; ++i) {
      const double weight = weights_[round.draw][static_cast<std::size_t>(i)];
      if (weight == 0.0) continue;
      const std::uint64_t row = first_row + static_cast<std::uint64_t>(i);
      const double u = kmeans_uniform(round.key, row, round.round);
      if (!can_win(u, weight, best_key)) continue;
      const Ticket ticket{std::bit_cast<std::uint64_t>(negative_log(u) / weight), row};
      if (ticket < best) {
        best = ticket;
        best_key = std::bit_cast<double>(ticket.key);
      }
    }
    return best;
  }

  const Context& context_;
  /// [draws][local rows]
  std::vector<std::vector<double>> weights_;
};

}  // namespace

std::unique_ptr<RowWeights> make_thread_weights(const Context& context, std::size_t draws) {
  return std::make_unique<ThreadWeights>(context, draws);
}

}  // namespace datus::clustering
