// SPDX-License-Identifier: Apache-2.0
#include "model/pixels/axis_table.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace datus {
namespace {

double support_of(Resample resample) {
  return resample == Resample::bicubic ? 2.0 : 1.0;
}

double kernel(Resample resample, double x) {
  x = std::abs(x);
  if (resample == Resample::bilinear) return x < 1.0 ? 1.0 - x : 0.0;
  constexpr double a = -0.5;
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
  return 0.0;
}

std::int32_t to_fixed_point(double weight) {
  const double scaled = weight * (std::int32_t{1} << resize_kernels::weight_bits);
  return static_cast<std::int32_t>(scaled < 0.0 ? scaled - 0.5 : scaled + 0.5);
}

}  // namespace

AxisTable::AxisTable(int in, int out, int begin, int count, Resample resample) {
  const double scale = static_cast<double>(in) / out;
  const double widening = std::max(scale, 1.0);
  const double support = support_of(resample) * widening;
  const double inverse = 1.0 / widening;
  const std::size_t most = static_cast<std::size_t>(std::ceil(support)) * 2 + 1;
  windows_.resize(static_cast<std::size_t>(count));
  weights_.resize(windows_.size() * most);
  std::vector<double> exact(most);
  for (int i = 0; i < count; ++i) {
    const double centre = (begin + i + 0.5) * scale;
    const int low = std::max(0, static_cast<int>(centre - support + 0.5));
    const int high = std::min(in, static_cast<int>(centre + support + 0.5));
    double sum = 0.0;
    for (int x = low; x < high; ++x) {
      const double weight = kernel(resample, (x - centre + 0.5) * inverse);
      exact[static_cast<std::size_t>(x - low)] = weight;
      sum += weight;
    }
    std::int32_t* weights = weights_.data() + static_cast<std::size_t>(i) * most;
    for (int tap = 0; tap < high - low; ++tap) {
      weights[tap] = to_fixed_point(exact[static_cast<std::size_t>(tap)] / sum);
    }
    windows_[static_cast<std::size_t>(i)] = {low, high - low, weights};
  }
}

}  // namespace datus
