#include "algo/refine/gaussian_filter.hpp"

#include <algorithm>
#include <cmath>

namespace datus::refine_detail {

Corners GaussianFilter::corners() const {
  return {lattice_.corner_points().data(), lattice_.corner_weights().data(), lattice_.places(), lattice_.corners()};
}

void GaussianFilter::add(const float* values, float factor, const float* base, float* sums) {
  points_.assign(static_cast<std::size_t>(lattice_.points()) * group_size, 0.0F);
  kernel_.spread(values, corners(), points_.data());
  for (int axis = 0; axis < lattice_.corners(); ++axis) {
    const auto rows = lattice_.rows(axis);
    kernel_.blur(rows.data(), static_cast<std::int64_t>(rows.size()), points_.data());
  }
  kernel_.gather(points_.data(), corners(), factor, base, sums);
}

void GaussianFilter::normalise() {
  const auto size = static_cast<std::size_t>(lattice_.places()) * group_size;
  const AlignedVector<float> ones(size, 1.0F);
  AlignedVector<float> sums(size);
  add(ones.data(), 1.0F, sums.data(), sums.data());
  const auto weights = lattice_.corner_weights();
  const int count = lattice_.corners();
  for (std::int64_t pixel = 0; pixel < lattice_.places(); ++pixel) {
    // Never 0: a pixel's own part of its sum is positive.
    const float factor = 1.0F / std::sqrt(sums[static_cast<std::size_t>(pixel) * group_size]);
    for (float& weight : weights.subspan(static_cast<std::size_t>(pixel) * count, count)) weight *= factor;
  }
}

}  // namespace datus::refine_detail
