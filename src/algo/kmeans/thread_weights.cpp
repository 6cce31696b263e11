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
    const std::vector<NewPoints> points = new_points(rounds);
    // [rounds][threads]
    std::vector<std::vector<Ticket>> best(rounds.size(),
                                          std::vector<Ticket>(static_cast<std::size_t>(context_.threads)));
    for_each_block(context_.rows, context_.threads, [&](std::size_t worker, const RowBlock& block) {
      for (const NewPoints& some : points) lower_weights(block, some);
      for (std::size_t i = 0; i < rounds.size(); ++i) {
        best[i][worker] = best_row(block, rounds[i], best[i][worker]);
      }
    });
    std::vector<Ticket> lowest;
    for (const auto& of_threads : best) lowest.push_back(std::ranges::min(of_threads));
    return lowest;
  }

  void forget(std::size_t draw) override { std::vector<double>().swap(weights_[draw]); }

 private:
  /// Chosen rows that the weights of their draw do not know yet: of all draws, so that a row is read once for them.
  struct NewPoints {
    std::vector<double> values;      ///< [points, D]
    std::vector<std::size_t> draws;  ///< of each point
    std::vector<bool> is_first;      ///< whether it is the first one of its draw
  };

  [[nodiscard]] std::vector<NewPoints> new_points(std::span<const WeighedRound> rounds) const {
    const auto dim = static_cast<std::size_t>(context_.rows.dim());
    std::vector<NewPoints> points;
    for (const WeighedRound& round : rounds) {
      for (std::size_t at = static_cast<std::size_t>(round.weighed) * dim; at < round.chosen.size(); at += dim) {
        if (points.empty() || points.back().draws.size() == most_points) points.emplace_back();
        NewPoints& some = points.back();
        const auto point = round.chosen.subspan(at, dim);
        some.values.insert(some.values.end(), point.begin(), point.end());
        some.draws.push_back(round.draw);
        some.is_first.push_back(at == 0);
      }
    }
    return points;
  }

  void lower_weights(const RowBlock& block, const NewPoints& points) {
    const int dim = context_.rows.dim();
    std::array<double, most_points * strip_rows> distances;
    for (std::int64_t begin = 0; begin < block.count; begin += strip_rows) {
      const std::int64_t count = std::min(strip_rows, block.count - begin);
      const RowBlock part = part_of(block, begin, count, dim);
      squared_distances(context_.kernels, part, dim, points.values.data(), std::ssize(points.draws), distances.data());
      const double* distance = distances.data();
      for (std::size_t p = 0; p < points.draws.size(); ++p) {
        double* const weights = weights_[points.draws[p]].data() + part.first;
        for (std::int64_t i = 0; i < count; ++i, ++distance) {
          weights[i] = points.is_first[p] ? *distance : std::min(weights[i], *distance);
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

  static constexpr std::size_t most_points = 64;

  const Context& context_;
  /// [draws][local rows]
  std::vector<std::vector<double>> weights_;
};

}  // namespace

std::unique_ptr<RowWeights> make_thread_weights(const Context& context, std::size_t draws) {
  return std::make_unique<ThreadWeights>(context, draws);
}

}  // namespace datus::clustering
