// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/refine/kernels.hpp"
#include "algo/refine/lattice.hpp"
#include "datus/algo/aligned_vector.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace datus::refine_detail {

/// The same as `GaussianFilter` for places in a plane, bit for bit, row by row of pixels: what a row was spread to is
/// blurred along all axes and gathered from as soon as the rows beside it are spread. Where the Gaussian is narrow,
/// only few points are at work at a time, and memory for them stays in the caches.
///
/// Memory is kept from one `build` to the next. Not for several threads at once.
class RowFilter {
 public:
  explicit RowFilter(const Kernel& kernel) : kernel_(kernel) {}

  /// places [count][2], as for `Lattice::build`, `row` of them in each row.
  void build(std::span<const float> places, std::int64_t row);

  [[nodiscard]] std::int64_t rows() const { return static_cast<std::int64_t>(steps_.size()); }

  /// To be called for all rows, from 0 on. Takes values of row `y`, and makes sums = base + factor * filtered values of
  /// the rows up to it that nothing else comes to any more; after the last row all are there. [pixels][group_size] of
  /// all pixels of a group of classes, at cache lines; all three may be the same.
  void step(std::int64_t y, const float* values, float factor, const float* base, float* sums);

 private:
  static constexpr int axes = 3;

  /// How far all is when a row was taken; numbers of points and of rows.
  struct Step {
    std::int32_t known = 0;                     ///< points that a row so far spreads to
    std::array<std::int32_t, axes + 1> done{};  ///< points that are final before the first blur, and after each
    std::int64_t gathered = 0;                  ///< rows
  };

  void find_neighbours();
  void plan_steps();
  void find_window();
  [[nodiscard]] float* points(int blurs) { return windows_.data() + blurs * window_size(); }
  /// A window of points, and a point that is always 0.
  [[nodiscard]] std::int64_t window_size() const { return (std::int64_t{window_} + 1) * group_size; }
  /// Calls body(place in the window, first point, count) for a run of points, in one or more parts.
  template <class Body>
  void in_window(std::int32_t begin, std::int32_t end, Body body) const;
  [[nodiscard]] Corners corners(std::int64_t row, std::int64_t rows) const;

  Kernel kernel_;
  Lattice lattice_;
  std::int64_t row_ = 0;
  std::vector<Step> steps_;
  /// Points at work at the same time, at most; point p is in place p % window_.
  std::int32_t window_ = 0;
  std::vector<std::int32_t> corner_places_;
  /// For each axis and point: -1 where there is none. When all is built, their places; where there is none, the last.
  std::array<std::vector<std::int32_t>, axes> before_;
  std::array<std::vector<std::int32_t>, axes> after_;
  AlignedVector<float> windows_;
};

}  // namespace datus::refine_detail
