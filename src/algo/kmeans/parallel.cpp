// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/blocks.hpp"
#include "algo/kmeans/draw.hpp"
#include "algo/kmeans/init.hpp"
#include "algo/kmeans/nearest_search.hpp"
#include "algo/kmeans/random.hpp"
#include "algo/kmeans/recluster.hpp"
#include "algo/kmeans/row_lookup.hpp"
#include "algo/kmeans/search_centroids.hpp"
#include "algo/kmeans/update.hpp"

#include <algorithm>
#include <cmath>
#include <compare>
#include <deque>
#include <limits>
#include <span>
#include <vector>

namespace datus::clustering {
namespace {

constexpr std::uint32_t sampling_rounds = 5;
/// l / K: the rows that a round is expected to take.
constexpr double oversampling = 2.0;

/// k-means|| of one pair.
struct Draw {
  KMeansPair* pair;
  DrawKey key;
  /// [local rows]: the squared distance to the nearest of the first `weighed` candidates, and its index.
  std::vector<double> weights;
  std::vector<std::int32_t> nearest;
  /// [candidates, D], all of them different.
  std::vector<double> candidates = {};
  std::int64_t weighed = 0;
  /// Rounds of sampling so far.
  std::uint32_t rounds = 0;

  [[nodiscard]] std::int64_t candidate_count(int dim) const { return std::ssize(candidates) / dim; }
  [[nodiscard]] bool has_enough(int dim) const {
    return rounds >= sampling_rounds && candidate_count(dim) >= pair->clusters;
  }
};

/// The candidates that the rows' weights do not know yet. For all threads of a pass.
class NewCandidates {
 public:
  NewCandidates(const Context& context, Draw& draw)
      : context_(context),
        draw_(draw),
        centroids_(std::span<const double>(draw.candidates)
                       .subspan(static_cast<std::size_t>(draw.weighed * context.rows.dim())),
                   static_cast<int>(draw.candidate_count(context.rows.dim()) - draw.weighed), context.rows.dim()) {}

  [[nodiscard]] const SearchCentroids& centroids() const { return centroids_; }

  /// For up to `strip_rows` rows. The weight decides whether a row is a candidate already: it is made in f64.
  void lower_weights(const RowBlock& strip, NearestSearch& search, NearestRows& found) const {
    search.find(strip, context_.summary.squared_norms.data() + strip.first, found);
    search.measure(strip, found.labels, found.lowest);
    for (std::int64_t i = 0; i < strip.count; ++i) {
      const auto row = static_cast<std::size_t>(strip.first + i);
      if (found.lowest[i] >= draw_.weights[row]) continue;
      draw_.weights[row] = found.lowest[i];
      draw_.nearest[row] = static_cast<std::int32_t>(draw_.weighed + found.labels[i]);
    }
  }

 private:
  const Context& context_;
  Draw& draw_;
  SearchCentroids centroids_;
};

/// One pass over the local rows, if any draw has new candidates.
void bring_weights_up_to_date(const Context& context, const std::vector<Draw*>& draws) {
  const int dim = context.rows.dim();
  std::deque<NewCandidates> fresh;
  for (Draw* draw : draws) {
    if (draw->weighed < draw->candidate_count(dim)) fresh.emplace_back(context, *draw);
  }
  if (fresh.empty()) return;
  for_each_block(context.rows, context.threads, [&](std::size_t, const RowBlock& block) {
    NearestRows found;
    for (const NewCandidates& candidates : fresh) {
      NearestSearch search(candidates.centroids(), context.kernels);
      for (std::int64_t begin = 0; begin < block.count; begin += strip_rows) {
        const std::int64_t count = std::min(strip_rows, block.count - begin);
        candidates.lower_weights(part_of(block, begin, count, dim), search, found);
      }
    }
  });
  for (Draw* draw : draws) draw->weighed = draw->candidate_count(dim);
}

struct Agreement {
  /// The largest weight of each draw over all ranks.
  std::vector<double> largest;
  bool stop = false;
};

/// COLLECTIVE.
Agreement agree_on_largest(const Context& context, const std::vector<Draw*>& draws) {
  Agreement agreed;
  for (const Draw* draw : draws) {
    agreed.largest.push_back(draw->weights.empty() ? 0.0 : std::ranges::max(draw->weights));
  }
  agreed.largest.push_back(context.progress.stop_requested() ? 1.0 : 0.0);
  context.comm.allreduce(agreed.largest, ReduceOp::max);
  agreed.stop = agreed.largest.back() > 0.0;
  agreed.largest.pop_back();
  return agreed;
}

/// A row that a round takes.
struct Pick {
  std::uint64_t draw;
  std::uint64_t row;
  friend auto operator<=>(const Pick&, const Pick&) = default;
};

/// A draw with the units of its weights in this round.
struct Round {
  Draw* draw;
  /// A power of two: the largest weight, in units, is within a factor of two of the largest allowed term of a sum.
  double scale;
  /// The sum of all weights.
  std::int64_t total = 0;

  Round(Draw* of, double largest, const FixedPointScales& scales) : draw(of), scale(0.0) {
    int exponent = 0;
    std::frexp(largest, &exponent);
    scale = std::ldexp(scales.row_limit, -exponent);
  }
  void add_up() {
    for (const double weight : draw->weights) total += std::llrint(weight * scale);
  }
};

/// The local rows that a round takes.
void pick_rows(const Round& round, std::uint64_t index, std::uint64_t first_row, std::vector<Pick>& picks) {
  const Draw& draw = *round.draw;
  const double factor = oversampling * draw.pair->clusters * round.scale;
  const auto total = static_cast<double>(round.total);
  for (std::size_t i = 0; i < draw.weights.size(); ++i) {
    if (draw.weights[i] == 0.0) continue;
    const std::uint64_t row = first_row + i;
    if (kmeans_uniform(draw.key, row, draw.rounds) * total < factor * draw.weights[i]) picks.push_back({index, row});
  }
}

/// Adds the rows, [rows, D], that are no copies of others among them.
void add_candidates(std::span<const double> rows, int dim, Draw& draw) {
  for (const std::int64_t first : RowLookup(rows, dim).first_of_equals()) {
    const auto begin = rows.begin() + first * dim;
    draw.candidates.insert(draw.candidates.end(), begin, begin + dim);
  }
}

/// COLLECTIVE. The next round of each draw.
void sample(const Context& context, std::vector<Round>& rounds) {
  std::vector<std::int64_t> totals;
  for (Round& round : rounds) {
    ++round.draw->rounds;
    round.add_up();
    totals.push_back(round.total);
  }
  context.comm.allreduce(totals, ReduceOp::sum);
  const std::uint64_t first_row = context.rows.count() > 0 ? static_cast<std::uint64_t>(context.rows.first()) : 0;
  std::vector<Pick> picks;
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    rounds[i].total = totals[i];
    pick_rows(rounds[i], i, first_row, picks);
  }
  picks = allgather_values(context.comm, picks);
  std::ranges::sort(picks);
  std::vector<std::uint64_t> rows;
  for (const Pick& pick : picks) rows.push_back(pick.row);
  const std::vector<double> values = fetch_rows(context, rows);
  const int dim = context.rows.dim();
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    const auto of_draw = std::ranges::equal_range(picks, i, {}, &Pick::draw);
    const auto begin = static_cast<std::size_t>((of_draw.begin() - picks.begin()) * dim);
    add_candidates(std::span(values).subspan(begin, of_draw.size() * static_cast<std::size_t>(dim)), dim,
                   *rounds[i].draw);
  }
}

/// COLLECTIVE. Makes K centroids of the candidates, each of which stands for the rows that are nearest to it.
void finish(const Context& context, std::uint64_t seed, const std::vector<Draw*>& draws) {
  const int dim = context.rows.dim();
  std::vector<std::int64_t> counts;
  for (const Draw* draw : draws) {
    const std::size_t begin = counts.size();
    counts.resize(begin + static_cast<std::size_t>(draw->candidate_count(dim)));
    for (const std::int32_t candidate : draw->nearest) ++counts[begin + static_cast<std::size_t>(candidate)];
  }
  context.comm.allreduce(counts, ReduceOp::sum);
  std::span<const std::int64_t> rest(counts);
  for (Draw* draw : draws) {
    KMeansPair& pair = *draw->pair;
    const auto count = static_cast<std::size_t>(draw->candidate_count(dim));
    const DrawKey key = kmeans_key(KMeansPurpose::recluster, seed, pair.restart, pair.clusters);
    pair.centroids =
        recluster({draw->candidates, rest.first(count), dim}, pair.clusters, key, context.kernels, context.threads);
    round_to_stored(pair.precise, context.summary.origin, pair.centroids);
    pair.phase = KMeansPhase::iterating;
    rest = rest.subspan(count);
    *draw = {.pair = &pair, .key = draw->key, .weights = {}, .nearest = {}};
  }
}

/// COLLECTIVE. One pass: either the next candidates of a draw, or its end.
void advance(const Context& context, std::uint64_t seed, const std::vector<Draw*>& draws) {
  const int dim = context.rows.dim();
  bring_weights_up_to_date(context, draws);
  const Agreement agreed = agree_on_largest(context, draws);
  std::vector<Draw*> finished;
  std::vector<Round> rounds;
  for (std::size_t i = 0; i < draws.size(); ++i) {
    Draw* const draw = draws[i];
    const bool exhausted = agreed.largest[i] == 0.0;
    const std::int64_t candidates = draw->candidate_count(dim);
    if (exhausted && candidates < draw->pair->clusters) {
      throw_too_few_rows(candidates, draw->pair->clusters);
    }
    if (exhausted || draw->has_enough(dim)) {
      finished.push_back(draw);
    } else {
      rounds.emplace_back(draw, agreed.largest[i], context.scales);
    }
  }
  if (!finished.empty()) finish(context, seed, finished);
  if (!rounds.empty()) sample(context, rounds);
  context.progress.pass_done(agreed.stop);
}

/// COLLECTIVE. A draw for each pair, with its first candidate.
std::vector<Draw> begin_draws(const Context& context, std::uint64_t seed, const std::vector<KMeansPair*>& pairs) {
  const auto local_rows = static_cast<std::size_t>(context.rows.count());
  std::vector<Draw> draws;
  std::vector<std::uint64_t> firsts;
  for (KMeansPair* pair : pairs) {
    draws.push_back({.pair = pair,
                     .key = kmeans_key(KMeansPurpose::oversampling, seed, pair->restart, pair->clusters),
                     .weights = std::vector(local_rows, std::numeric_limits<double>::infinity()),
                     .nearest = std::vector<std::int32_t>(local_rows)});
    firsts.push_back(draw_rows(context, draws.back().key, 1).front());
  }
  const std::vector<double> values = fetch_rows(context, firsts);
  for (std::size_t i = 0; i < draws.size(); ++i) {
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(i) * context.rows.dim();
    draws[i].candidates.assign(begin, begin + context.rows.dim());
  }
  return draws;
}

}  // namespace

void choose_by_oversampling(const Context& context, std::uint64_t seed, const std::vector<KMeansPair*>& pairs) {
  std::vector<Draw> draws = begin_draws(context, seed, pairs);
  while (true) {
    std::vector<Draw*> open;
    for (Draw& draw : draws) {
      if (draw.pair->phase == KMeansPhase::seeding) open.push_back(&draw);
    }
    if (open.empty()) return;
    advance(context, seed, open);
  }
}

}  // namespace datus::clustering
