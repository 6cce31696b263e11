// SPDX-License-Identifier: Apache-2.0
#include "algo/refine/lattice.hpp"

#include <array>
#include <cmath>
#include <utility>

namespace datus::refine_detail {
namespace {

/// From a point of the lattice to the next one along an axis: 1 in each coordinate, less dim + 1 in that of the axis.
/// The corners of a simplex follow each other in the same steps.
template <int dim>
constexpr std::array<LatticeKey, dim + 1> steps() {
  std::array<LatticeKey, dim + 1> result{};
  for (int axis = 0; axis <= dim; ++axis) {
    for (int i = 0; i < dim; ++i) {
      result[axis] = result[axis] + LatticeKey::of_field(i, i == axis ? -dim : 1);
    }
  }
  return result;
}

/// What each dimension is multiplied by before `elevate`: axes of equal length, and the standard deviation of
/// spreading, blurring and gathering together (pages 5 and 6 of the paper).
template <int dim>
std::array<float, dim> scales() {
  std::array<float, dim> result{};
  for (int i = 0; i < dim; ++i) {
    result[i] = static_cast<float>(std::sqrt(2.0 / 3.0) * (dim + 1) / std::sqrt((i + 1.0) * (i + 2.0)));
  }
  return result;
}

/// A simplex of the lattice and where in it a place is.
template <int dim>
struct Simplex {
  /// The corner whose coordinates are multiples of dim + 1.
  LatticeKey key;
  /// Coordinates, from the one that exceeds that corner's most downwards, and by how much.
  std::array<int, dim + 1> order;
  std::array<float, dim + 1> excess;
};

/// The place in the hyperplane of dim + 1 coordinates with sum 0 that the lattice lies in.
template <int dim>
std::array<float, dim + 1> elevate(const float* place, const std::array<float, dim>& scale) {
  std::array<float, dim + 1> result;
  float sum = 0.0F;
  for (int i = dim; i > 0; --i) {
    const float value = place[i - 1] * scale[i - 1];
    result[i] = sum - static_cast<float>(i) * value;
    sum += value;
  }
  result[0] = sum;
  return result;
}

template <int dim>
Simplex<dim> simplex_of(const std::array<float, dim + 1>& elevated) {
  constexpr int corners = dim + 1;
  std::array<int, corners> base;
  std::array<float, corners> excess;
  int sum = 0;
  for (int i = 0; i < corners; ++i) {
    const float multiple = elevated[i] / static_cast<float>(corners);
    base[i] = static_cast<int>(multiple + (multiple < 0.0F ? -0.5F : 0.5F));
    excess[i] = elevated[i] - static_cast<float>(base[i] * corners);
    sum += base[i];
  }
  std::array<int, corners> rank{};
  for (int i = 0; i < dim; ++i) {
    for (int j = i + 1; j < corners; ++j) ++(excess[i] < excess[j] ? rank[i] : rank[j]);
  }
  // Rounding may leave the hyperplane; the coordinates that were rounded furthest bring it back.
  Simplex<dim> simplex;
  for (int i = 0; i < corners; ++i) {
    rank[i] += sum;
    const int turn = rank[i] < 0 ? 1 : rank[i] > dim ? -1 : 0;
    rank[i] += turn * corners;
    base[i] += turn;
    simplex.order[rank[i]] = i;
    simplex.excess[rank[i]] = elevated[i] - static_cast<float>(base[i] * corners);
    if (i < dim) simplex.key = simplex.key + LatticeKey::of_field(i, base[i] * corners + LatticeKey::offset);
  }
  return simplex;
}

}  // namespace

template <int dim>
void Lattice::build(std::span<const float> places) {
  constexpr auto step = steps<dim>();
  constexpr auto share = 1.0F / (dim + 1);
  const auto scale = scales<dim>();
  corners_ = dim + 1;
  places_ = static_cast<std::int64_t>(places.size()) / dim;
  points_.clear();
  corner_weights_.resize(static_cast<std::size_t>(places_ * corners_));
  corner_points_.assign(corner_weights_.size() + look_ahead, 0);
  for (std::int64_t p = 0; p < places_; ++p) {
    const Simplex<dim> simplex = simplex_of<dim>(elevate<dim>(places.data() + p * dim, scale));
    std::int32_t* const points = corner_points_.data() + p * (dim + 1);
    float* const weights = corner_weights_.data() + p * (dim + 1);
    LatticeKey key = simplex.key;
    points[0] = points_.add(key);
    weights[0] = 1.0F - (simplex.excess[0] - simplex.excess[dim]) * share;
    for (int corner = 1; corner <= dim; ++corner) {
      key = key + step[simplex.order[dim + 1 - corner]];
      points[corner] = points_.add(key);
      weights[corner] = (simplex.excess[dim - corner] - simplex.excess[dim + 1 - corner]) * share;
    }
  }
  find_rows<dim>();
}

template <int dim>
void Lattice::find_rows() {
  constexpr auto step = steps<dim>();
  rows_.clear();
  row_starts_.assign(1, 0);
  next_.resize(points_.size());
  for (int axis = 0; axis <= dim; ++axis) {
    is_next_.assign(next_.size(), 0);
    for (std::int32_t point = 0; point < points_.size(); ++point) {
      next_[point] = points_.find(points_.key(point) + step[axis]);
      if (next_[point] != LatticePoints::none) is_next_[next_[point]] = 1;
    }
    for (std::int32_t point = 0; point < points_.size(); ++point) {
      if (is_next_[point] != 0 || next_[point] == LatticePoints::none) continue;
      for (std::int32_t at = point; at != LatticePoints::none; at = next_[at]) rows_.push_back(at);
      rows_.back() = ~rows_.back();
    }
    row_starts_.push_back(rows_.size());
  }
}

template void Lattice::build<2>(std::span<const float>);
template void Lattice::build<5>(std::span<const float>);

}  // namespace datus::refine_detail
