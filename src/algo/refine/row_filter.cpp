// SPDX-License-Identifier: Apache-2.0
#include "algo/refine/row_filter.hpp"

#include "algo/refine/gaussian_filter.hpp"

#include <algorithm>

namespace datus::refine_detail {
namespace {

constexpr std::int32_t none = -1;

/// The lowest and the highest point that each row of pixels has to do with.
struct Reach {
  std::vector<std::int32_t> lowest;
  std::vector<std::int32_t> highest;

  Reach(std::span<const std::int32_t> corners, std::size_t of_row) {
    for (std::size_t at = 0; at < corners.size(); at += of_row) {
      const auto [low, high] = std::ranges::minmax(corners.subspan(at, of_row));
      lowest.push_back(low);
      highest.push_back(high);
    }
  }
};

/// Each value becomes the lowest of those from it on.
void lowest_from_here(std::vector<std::int32_t>& values) {
  for (std::size_t i = values.size(); i-- > 1;) values[i - 1] = std::min(values[i - 1], values[i]);
}

}  // namespace

void RowFilter::build(std::span<const float> places, std::int64_t row) {
  row_ = row;
  lattice_.build<2>(places);
  normalise(lattice_);
  find_neighbours();
  plan_steps();
  find_window();
  // From numbers of points to their places.
  const auto place = [this](std::int32_t point) { return point == none ? window_ : point % window_; };
  for (auto* neighbours : {&before_, &after_}) {
    for (auto& of_axis : *neighbours) std::ranges::transform(of_axis, of_axis.begin(), place);
  }
  corner_places_.assign(lattice_.corner_points().size() + look_ahead, 0);
  std::ranges::transform(lattice_.corner_points(), corner_places_.begin(), place);
  windows_.assign(static_cast<std::size_t>((axes + 1) * window_size()), 0.0F);
}

void RowFilter::find_neighbours() {
  for (int axis = 0; axis < axes; ++axis) {
    before_[axis].assign(lattice_.points(), none);
    after_[axis].assign(lattice_.points(), none);
    std::int32_t before = none;
    for (const std::int32_t entry : lattice_.rows(axis)) {
      const std::int32_t point = entry < 0 ? ~entry : entry;
      before_[axis][point] = before;
      if (before != none) after_[axis][before] = point;
      before = entry < 0 ? none : point;
    }
  }
}

void RowFilter::plan_steps() {
  const Reach reach(lattice_.corner_points(), static_cast<std::size_t>(row_) * axes);
  std::vector<std::int32_t> lowest_later = reach.lowest;
  lowest_from_here(lowest_later);
  lowest_later.push_back(static_cast<std::int32_t>(lattice_.points()));
  steps_.clear();
  Step step;
  for (std::size_t y = 0; y < reach.highest.size(); ++y) {
    step.known = std::max(step.known, reach.highest[y] + 1);
    step.done[0] = lowest_later[y + 1];
    for (int axis = 0; axis < axes; ++axis) {
      std::int32_t& next = step.done[axis + 1];
      const auto is_done = [&](std::int32_t point) {
        return std::max({point, before_[axis][point], after_[axis][point]}) < step.done[axis];
      };
      while (next < lattice_.points() && is_done(next)) ++next;
    }
    while (step.gathered <= static_cast<std::int64_t>(y) && reach.highest[step.gathered] < step.done[axes]) {
      ++step.gathered;
    }
    steps_.push_back(step);
  }
}

void RowFilter::find_window() {
  const auto count = static_cast<std::int32_t>(lattice_.points());
  // Of each blur, and of gathering: the lowest point that is asked for from a point, or row, on.
  std::array<std::vector<std::int32_t>, axes + 1> asked;
  for (int axis = 0; axis < axes; ++axis) {
    for (std::int32_t point = 0; point < count; ++point) {
      const auto lowest = [&](std::int32_t other) { return other == none ? point : std::min(point, other); };
      asked[axis].push_back(std::min(lowest(before_[axis][point]), lowest(after_[axis][point])));
    }
    asked[axis].push_back(count);
    lowest_from_here(asked[axis]);
  }
  asked[axes] = Reach(lattice_.corner_points(), static_cast<std::size_t>(row_) * axes).lowest;
  asked[axes].push_back(count);
  lowest_from_here(asked[axes]);
  window_ = 1;
  Step before;
  for (const Step& step : steps_) {
    for (int blurs = 0; blurs <= axes; ++blurs) {
      const std::int32_t written = blurs == 0 ? step.known : step.done[blurs];
      const std::int64_t reader = blurs == axes ? before.gathered : std::int64_t{before.done[blurs + 1]};
      window_ = std::max(window_, written - asked[blurs][static_cast<std::size_t>(reader)]);
    }
    before = step;
  }
}

template <class Body>
void RowFilter::in_window(std::int32_t begin, std::int32_t end, Body body) const {
  while (begin < end) {
    const std::int32_t place = begin % window_;
    const std::int32_t count = std::min(end - begin, window_ - place);
    body(std::int64_t{place} * group_size, begin, count);
    begin += count;
  }
}

Corners RowFilter::corners(std::int64_t row, std::int64_t rows) const {
  const std::int64_t at = row * row_ * axes;
  return {corner_places_.data() + at, lattice_.corner_weights().data() + at, rows * row_, axes};
}

void RowFilter::step(std::int64_t y, const float* values, float factor, const float* base, float* sums) {
  const Step before = y == 0 ? Step{} : steps_[y - 1];
  const Step& now = steps_[y];
  in_window(before.known, now.known, [&](std::int64_t at, std::int32_t /*first*/, std::int32_t count) {
    std::fill_n(points(0) + at, std::int64_t{count} * group_size, 0.0F);
  });
  kernel_.spread(values + y * row_ * group_size, corners(y, 1), points(0));
  for (int axis = 0; axis < axes; ++axis) {
    in_window(before.done[axis + 1], now.done[axis + 1], [&](std::int64_t at, std::int32_t first, std::int32_t count) {
      kernel_.blur_run(points(axis) + at, points(axis), before_[axis].data() + first, after_[axis].data() + first,
                       count, points(axis + 1) + at);
    });
  }
  const std::int64_t at = before.gathered * row_ * group_size;
  kernel_.gather(points(axes), corners(before.gathered, now.gathered - before.gathered), factor, base + at, sums + at);
}

}  // namespace datus::refine_detail
