// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/bootstrap.hpp"

#include "algo/scores/class_scores.hpp"
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

using Weights = std::array<std::uint64_t, block_size>;

Weights weights_of(std::uint64_t seed, std::int64_t image, int first_replicate) {
  Weights weights{};
  for (int r = 0; r < block_size; r += 4) {
    const auto words = words_of(seed, image, first_replicate + r);
    for (std::size_t i = 0; i < 4; ++i) weights[static_cast<std::size_t>(r) + i] = poisson(words[i]);
  }
  return weights;
}

/// Something that is summed up over the images: column `column` of the sums.
struct Entry {
  std::size_t column;
  std::int64_t value;
};

/// What each image adds: pixels of its classes (columns hit, predicted and truth of each class), and its boundary (the
/// last four).
class Entries {
 public:
  Entries(std::span<const ImageCounts* const> images, std::span<const int> mapping, int classes, bool drops_unscored)
      : columns_(3 * static_cast<std::size_t>(classes) + 4) {
    ClassPixels pixels(classes);
    for (const ImageCounts* image : images) {
      std::vector<std::size_t> touched;
      for (const CellCount& cell : image->cells) {
        pixels.add(cell, mapping, drops_unscored);
        touched.push_back(static_cast<std::size_t>(cell.label));
        const int given = cell.cluster == no_label ? no_label : mapping[static_cast<std::size_t>(cell.cluster)];
        if (given != no_label) touched.push_back(static_cast<std::size_t>(given));
      }
      std::ranges::sort(touched);
      touched.erase(std::ranges::unique(touched).begin(), touched.end());
      for (const std::size_t label : touched) {
        add(3 * label, std::exchange(pixels.hit[label], 0));
        add(3 * label + 1, std::exchange(pixels.predicted[label], 0));
        add(3 * label + 2, std::exchange(pixels.truth[label], 0));
      }
      const auto boundary = image->boundary.values();
      for (std::size_t i = 0; i < boundary.size(); ++i) add(columns_ - 4 + i, boundary[i]);
      ends_.push_back(entries_.size());
    }
  }

  [[nodiscard]] std::size_t columns() const { return columns_; }
  [[nodiscard]] std::span<const Entry> of(std::size_t image) const {
    const std::size_t begin = image == 0 ? 0 : ends_[image - 1];
    return std::span(entries_).subspan(begin, ends_[image] - begin);
  }

 private:
  void add(std::size_t column, std::int64_t value) {
    if (value != 0) entries_.push_back({column, value});
  }

  std::size_t columns_;
  std::vector<Entry> entries_;
  std::vector<std::size_t> ends_;
};

/// COLLECTIVE. The sums of all replicates, [blocks, columns, block_size].
std::vector<std::int64_t> sums_of_replicates(std::span<const ImageCounts* const> images, const Entries& entries,
                                             const BootstrapOptions& options, Communicator& comm) {
  const int blocks = (options.replicates + block_size - 1) / block_size;
  const std::size_t size = entries.columns() * block_size;
  std::vector<std::int64_t> sums(static_cast<std::size_t>(blocks) * size);
  parallel_for(blocks, options.threads, [&](std::int64_t block) {
    const auto of_block = std::span(sums).subspan(static_cast<std::size_t>(block) * size, size);
    for (std::size_t i = 0; i < images.size(); ++i) {
      const Weights weights = weights_of(options.seed, images[i]->image, static_cast<int>(block) * block_size);
      for (const auto [column, value] : entries.of(i)) {
        std::int64_t* to = of_block.data() + column * block_size;
        for (std::size_t r = 0; r < block_size; ++r) to[r] += static_cast<std::int64_t>(weights[r]) * value;
      }
    }
  });
  comm.allreduce(sums, ReduceOp::sum);
  return sums;
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
Draw draw_of(const std::int64_t* sums, std::size_t r, int classes, const ProtocolRules& rules) {
  const auto at = [&](std::size_t column) { return sums[column * block_size + r]; };
  ClassPixels pixels(classes);
  const std::size_t count = pixels.hit.size();
  for (std::size_t label = 0; label < count; ++label) {
    pixels.hit[label] = at(3 * label);
    pixels.predicted[label] = at(3 * label + 1);
    pixels.truth[label] = at(3 * label + 2);
  }
  Draw draw;
  set_class_scores(draw.scores, pixels, rules);
  BoundaryCounts boundary;
  for (std::size_t i = 0; i < 4; ++i) boundary.values()[i] = at(3 * count + i);
  draw.boundary = score(boundary);
  return draw;
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
  const ProtocolRules rules = rules_of(protocol);
  Intervals intervals;
  intervals.replicates = options.replicates;
  // Images without a pixel to score change nothing.
  intervals.images = std::ranges::count_if(images, [](const ImageCounts* image) { return !image->cells.empty(); });
  comm.allreduce(std::span(&intervals.images, 1), ReduceOp::sum);
  if (options.replicates == 0 || intervals.images < 2) return intervals;
  const Entries entries(images, mapping, classes, rules.drops_unscored);
  const auto sums = sums_of_replicates(images, entries, options, comm);
  std::vector<Draw> draws(static_cast<std::size_t>(options.replicates));
  parallel_for(options.replicates, options.threads, [&](std::int64_t r) {
    const auto* of_block = sums.data() + static_cast<std::size_t>(r / block_size) * entries.columns() * block_size;
    draws[static_cast<std::size_t>(r)] = draw_of(of_block, static_cast<std::size_t>(r % block_size), classes, rules);
  });
  intervals.miou = interval_over(draws, [](const Draw& draw) { return draw.scores.miou; });
  intervals.fwiou = interval_over(draws, [](const Draw& draw) { return draw.scores.fwiou; });
  intervals.pixel_accuracy = interval_over(draws, [](const Draw& draw) { return draw.scores.pixel_accuracy; });
  intervals.macro_f1 = interval_over(draws, [](const Draw& draw) { return draw.scores.macro_f1; });
  intervals.boundary_f = interval_over(draws, [](const Draw& draw) { return draw.boundary.f; });
  return intervals;
}

}  // namespace datus
