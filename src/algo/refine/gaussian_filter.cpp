// SPDX-License-Identifier: Apache-2.0
#include "algo/refine/gaussian_filter.hpp"

#include <cmath>
#include <vector>

namespace datus::refine_detail {
namespace {

/// The sums of K's rows: a single value, 1 for each place, takes the way that groups of classes take in `Kernel`.
std::vector<float> row_sums(const Lattice& lattice) {
  const auto corners = lattice.corner_points();
  const auto weights = lattice.corner_weights();
  std::vector<float> points(static_cast<std::size_t>(lattice.points()));
  for (std::size_t i = 0; i < weights.size(); ++i) points[static_cast<std::size_t>(corners[i])] += weights[i];
  for (int axis = 0; axis < lattice.corners(); ++axis) {
    float before = 0.0F;
    const auto rows = lattice.rows(axis);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const bool ends = rows[i] < 0;
      const float after = ends ? 0.0F : points[static_cast<std::size_t>(rows[i + 1] < 0 ? ~rows[i + 1] : rows[i + 1])];
      float& point = points[static_cast<std::size_t>(ends ? ~rows[i] : rows[i])];
      const float here = point;
      point = here + (0.5F * before + 0.5F * after);
      before = ends ? 0.0F : here;
    }
  }
  std::vector<float> sums(static_cast<std::size_t>(lattice.places()));
  std::size_t at = 0;
  for (float& sum : sums) {
    for (int c = 0; c < lattice.corners(); ++c, ++at)
      sum += weights[at] * points[static_cast<std::size_t>(corners[at])];
  }
  return sums;
}

}  // namespace

void normalise(Lattice& lattice) {
  const std::vector<float> sums = row_sums(lattice);
  float* weight = lattice.corner_weights().data();
  for (const float sum : sums) {
    // Never 0: a pixel's own part of its sum is positive.
    const float factor = 1.0F / std::sqrt(sum);
    for (int c = 0; c < lattice.corners(); ++c) *weight++ *= factor;
  }
}

Corners GaussianFilter::corners(std::int64_t first, std::int64_t count) const {
  const std::int64_t at = first * lattice_.corners();
  return {lattice_.corner_points().data() + at, lattice_.corner_weights().data() + at, count, lattice_.corners()};
}

void GaussianFilter::clear() {
  points_.assign(static_cast<std::size_t>(lattice_.points()) * group_size, 0.0F);
}

void GaussianFilter::spread(std::int64_t first, std::int64_t count, const float* values) {
  kernel_.spread(values + first * group_size, corners(first, count), points_.data());
}

void GaussianFilter::blur() {
  for (int axis = 0; axis < lattice_.corners(); ++axis) {
    const auto rows = lattice_.rows(axis);
    kernel_.blur(rows.data(), static_cast<std::int64_t>(rows.size()), points_.data());
  }
}

void GaussianFilter::gather(std::int64_t first, std::int64_t count, float factor, const float* base,
                            float* sums) const {
  const std::int64_t at = first * group_size;
  kernel_.gather(points_.data(), corners(first, count), factor, base + at, sums + at);
}

}  // namespace datus::refine_detail
