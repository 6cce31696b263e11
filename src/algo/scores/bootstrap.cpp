// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/bootstrap.hpp"

#include "datus/algo/scores.hpp"
#include "datus/core/parallel.hpp"
#include "datus/core/philox.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>
#include <vector>

namespace datus {
namespace {

/// Replicates that one pass over the images works on.
constexpr int block_size = 64;
/// Of sums of replicates that are in memory at once, where one pass does not need more.
constexpr std::int64_t most_bytes = std::int64_t{64} << 20;

/// A uniform 32-bit number of at least `limits[n]` is a Poisson number of more than n; that of 12 has no such number.
constexpr std::array<std::uint32_t, 12> limits = [] {
  std::array<std::uint32_t, 12> result{};
  double probability = 0.36787944117144233;  // 1 / e
  double sum = 0.0;
  for (std::size_t n = 0; n < result.size(); ++n) {
    sum += probability;
    probability /= static_cast<double>(n + 1);
    result.at(n) = static_cast<std::uint32_t>(sum * 0x1p32);
  }
  return result;
}();

std::uint32_t poisson(std::uint32_t word) noexcept {
  std::uint32_t count = 0;
  for (const std::uint32_t limit : limits) count += word >= limit ? 1U : 0U;
  return count;
}

std::array<std::uint32_t, 4> words_of(std::uint64_t seed, std::int64_t image, int replicate) noexcept {
  const auto position = static_cast<std::uint64_t>(image);
  return philox({static_cast<std::uint32_t>(position), static_cast<std::uint32_t>(position >> 32U),
                 static_cast<std::uint32_t>(replicate) / 4, 0xB0075U},
                {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32U)});
}

using Weights = std::array<std::uint32_t, block_size>;

Weights weights_of(std::uint64_t seed, std::int64_t image, int first_replicate) {
  Weights weights{};
  for (int r = 0; r < block_size; r += 4) {
    const auto words = words_of(seed, image, first_replicate + r);
    for (std::size_t i = 0; i < 4; ++i) weights[static_cast<std::size_t>(r) + i] = poisson(words[i]);
  }
  return weights;
}

/// What is summed up over the images of a replicate: the values of a confusion matrix, then those of the boundary.
struct Columns {
  int clusters;
  int classes;

  [[nodiscard]] std::size_t of_boundary() const { return ConfusionMatrix::value_count(clusters, classes); }
  [[nodiscard]] std::size_t count() const { return of_boundary() + BoundaryCounts().values().size(); }

  /// Calls `add(column, value)` for all that an image has.
  template <class Add>
  void visit(const ImageCounts& image, const Add& add) const {
    for (const CellCount& cell : image.cells) {
      const int row = cell.cluster == no_label ? clusters : cell.cluster;
      add(static_cast<std::size_t>(row) * static_cast<std::size_t>(classes) + static_cast<std::size_t>(cell.label),
          cell.pixels);
    }
    const auto boundary = image.boundary.values();
    for (std::size_t i = 0; i < boundary.size(); ++i) add(of_boundary() + i, boundary[i]);
  }
};

/// Products of 32 bits take a third of the time of longer ones.
void add_weighted(const Weights& weights, std::int64_t value, std::int64_t* to) {
  const auto narrow = static_cast<std::uint32_t>(value);
  if (std::int64_t{narrow} == value) {
    for (std::size_t r = 0; r < block_size; ++r) to[r] += static_cast<std::int64_t>(std::uint64_t{weights[r]} * narrow);
  } else {
    for (std::size_t r = 0; r < block_size; ++r) to[r] += weights[r] * value;
  }
}

/// COLLECTIVE. The sums of the replicates of some blocks, [blocks, columns, block_size].
void sum_up(std::span<const ImageCounts* const> images, const Columns& columns, Share blocks,
            const BootstrapOptions& options, std::vector<std::int64_t>& sums, Communicator& comm) {
  const std::size_t size = columns.count() * block_size;
  sums.assign(static_cast<std::size_t>(blocks.end - blocks.begin) * size, 0);
  parallel_for(blocks.end - blocks.begin, options.threads, [&](std::int64_t i) {
    const auto of_block = std::span(sums).subspan(static_cast<std::size_t>(i) * size, size);
    const int first_replicate = static_cast<int>(blocks.begin + i) * block_size;
    for (const ImageCounts* image : images) {
      const Weights weights = weights_of(options.seed, image->image, first_replicate);
      columns.visit(*image, [&](std::size_t column, std::int64_t value) {
        add_weighted(weights, value, of_block.data() + column * block_size);
      });
    }
  });
  comm.allreduce(sums, ReduceOp::sum);
}

std::optional<Interval> interval_of(std::vector<double> values) {
  if (values.empty()) return std::nullopt;
  std::ranges::sort(values);
  const auto quantile = [&](double share) {
    const double position = share * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(position);
    const double low = values[below];
    const double high = values[std::min(below + 1, values.size() - 1)];
    return low + (position - static_cast<double>(below)) * (high - low);
  };
  return Interval{quantile((1 - Intervals::level) / 2), quantile((1 + Intervals::level) / 2)};
}

/// One replicate.
struct Draw {
  Scores scores;
  BoundaryScores boundary;
};

/// `sums` [columns, block_size] of the block of a replicate, which has place `r` there.
Draw draw_of(const std::int64_t* sums, std::size_t r, const Columns& columns, Protocol protocol,
             std::span<const int> mapping) {
  ConfusionMatrix matrix(columns.clusters, columns.classes);
  BoundaryCounts boundary;
  const std::int64_t* from = sums + r;
  for (const auto to : {matrix.values(), boundary.values()}) {
    for (std::int64_t& value : to) {
      value = *from;
      from += block_size;
    }
  }
  return {score(matrix, protocol, mapping), score(boundary)};
}

/// COLLECTIVE. Of each replicate; none where less than two images have a pixel to score.
std::vector<Draw> draws_of(std::span<const ImageCounts* const> images, Protocol protocol, std::span<const int> mapping,
                           int classes, const BootstrapOptions& options, Communicator& comm) {
  // Images without a pixel to score change nothing.
  std::int64_t scored = std::ranges::count_if(images, [](const ImageCounts* image) { return !image->cells.empty(); });
  comm.allreduce(std::span(&scored, 1), ReduceOp::sum);
  if (options.replicates == 0 || scored < 2) return {};
  const Columns columns{static_cast<int>(mapping.size()), classes};
  const std::int64_t blocks = (options.replicates + block_size - 1) / block_size;
  const auto block_bytes = static_cast<std::int64_t>(columns.count() * block_size * sizeof(std::int64_t));
  const std::int64_t at_once = std::max<std::int64_t>(1, most_bytes / block_bytes);  // the same on all ranks
  std::vector<Draw> draws(static_cast<std::size_t>(options.replicates));
  std::vector<std::int64_t> sums;
  for (std::int64_t begin = 0; begin < blocks; begin += at_once) {
    const Share share{begin, std::min(blocks, begin + at_once)};
    sum_up(images, columns, share, options, sums, comm);
    const std::int64_t first = share.begin * block_size;
    const std::int64_t end = std::min<std::int64_t>(share.end * block_size, options.replicates);
    parallel_for(end - first, options.threads, [&](std::int64_t r) {
      const auto* of_block = sums.data() + static_cast<std::size_t>(r / block_size) * columns.count() * block_size;
      draws[static_cast<std::size_t>(first + r)] =
          draw_of(of_block, static_cast<std::size_t>(r % block_size), columns, protocol, mapping);
    });
  }
  return draws;
}

/// Of the replicates that have a value.
template <class Value>
std::optional<Interval> interval_over(const std::vector<Draw>& draws, const Value& value_of) {
  std::vector<double> values;
  for (const Draw& draw : draws) {
    const std::optional<double> value = value_of(draw);
    if (value) values.push_back(*value);
  }
  return interval_of(std::move(values));
}

}  // namespace

int bootstrap_weight(std::uint64_t seed, std::int64_t image, int replicate) noexcept {
  return static_cast<int>(poisson(words_of(seed, image, replicate)[static_cast<std::size_t>(replicate) % 4]));
}

Intervals bootstrap(std::span<const ImageCounts* const> images, Protocol protocol, std::span<const int> mapping,
                    int classes, const BootstrapOptions& options, Communicator& comm) {
  Intervals intervals;
  intervals.replicates = options.replicates;
  intervals.images = std::ranges::count_if(images, [](const ImageCounts* image) { return !image->cells.empty(); });
  comm.allreduce(std::span(&intervals.images, 1), ReduceOp::sum);
  const std::vector<Draw> draws = draws_of(images, protocol, mapping, classes, options, comm);
  intervals.miou = interval_over(draws, [](const Draw& draw) { return draw.scores.miou; });
  intervals.fwiou = interval_over(draws, [](const Draw& draw) { return draw.scores.fwiou; });
  intervals.pixel_accuracy = interval_over(draws, [](const Draw& draw) { return draw.scores.pixel_accuracy; });
  intervals.macro_f1 = interval_over(draws, [](const Draw& draw) { return draw.scores.macro_f1; });
  intervals.nmi = interval_over(draws, [](const Draw& draw) { return draw.scores.nmi; });
  intervals.ari = interval_over(draws, [](const Draw& draw) { return draw.scores.ari; });
  intervals.boundary_f = interval_over(draws, [](const Draw& draw) { return draw.boundary.f; });
  return intervals;
}

DifferenceIntervals bootstrap_difference(const BootstrapSide& first, const BootstrapSide& second, Protocol protocol,
                                         int classes, const BootstrapOptions& options, Communicator& comm) {
  const auto before = draws_of(first.images, protocol, first.mapping, classes, options, comm);
  const auto after = draws_of(second.images, protocol, second.mapping, classes, options, comm);
  const auto interval = [&](std::optional<double> Scores::*member) {
    std::vector<double> differences;
    for (std::size_t r = 0; r < std::min(before.size(), after.size()); ++r) {
      const std::optional<double>& from = before[r].scores.*member;
      const std::optional<double>& to = after[r].scores.*member;
      if (from && to) differences.push_back(*to - *from);
    }
    return interval_of(std::move(differences));
  };
  return {.miou = interval(&Scores::miou), .pixel_accuracy = interval(&Scores::pixel_accuracy)};
}

}  // namespace datus
