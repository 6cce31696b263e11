// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/refine/kernels.hpp"
#include "algo/refine/lattice_points.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace datus::refine_detail {

/// The permutohedral lattice around points in a space of few dimensions (Adams, Baek, Davis 2010): a Gaussian of
/// standard deviation 1 over all pairs is spreading each value to the corners of the simplex that its place lies in,
/// blurring along each axis of the lattice by 1/2, 1, 1/2, and gathering from the same corners. Only corners of a
/// simplex that something lies in are there; the kernel's constant factor is left to its user.
///
/// Memory is kept from one `build` to the next. Not for several threads at once.
class Lattice {
 public:
  /// The largest absolute value of a place's coordinate.
  static constexpr float largest_coordinate = 131'072.0F;

  /// places: [count][dim], finite, at most largest_coordinate away from 0.
  template <int dim>
  void build(std::span<const float> places);

  [[nodiscard]] std::int64_t places() const { return places_; }
  /// Corners of a simplex, and axes.
  [[nodiscard]] int corners() const { return corners_; }
  [[nodiscard]] std::int64_t points() const { return points_.size(); }

  /// [places][corners]: numbers of points. `look_ahead` entries more are there to be read.
  [[nodiscard]] std::span<const std::int32_t> corner_points() const {
    return std::span(corner_points_).first(corner_weights_.size());
  }
  /// [places][corners]: barycentric, they add up to 1 for each place; the user may scale them.
  [[nodiscard]] std::span<float> corner_weights() { return corner_weights_; }
  [[nodiscard]] std::span<const float> corner_weights() const { return corner_weights_; }
  /// The rows of neighbours along an axis, one after the other, points without a neighbour left out; the last of a row
  /// as its complement (~).
  [[nodiscard]] std::span<const std::int32_t> rows(int axis) const {
    return std::span(rows_).subspan(row_starts_[axis], row_starts_[axis + 1] - row_starts_[axis]);
  }

 private:
  template <int dim>
  void find_rows();

  std::int64_t places_ = 0;
  int corners_ = 0;
  LatticePoints points_;
  std::vector<std::int32_t> corner_points_;
  std::vector<float> corner_weights_;
  std::vector<std::int32_t> rows_;
  std::vector<std::size_t> row_starts_;
  std::vector<std::int32_t> next_;
  std::vector<std::uint8_t> is_next_;
};

extern template void Lattice::build<2>(std::span<const float>);
extern template void Lattice::build<5>(std::span<const float>);

}  // namespace datus::refine_detail
