// SPDX-License-Identifier: Apache-2.0
#include "algo/refine/guided_loops.hpp"

namespace datus::refine_detail {
namespace {

void keep_largest(const float* above, const float* below, float share, const Between* between, std::int64_t pixels,
                  int begin, int end, int first, float* largest, std::int32_t* labels) {
  const auto mix = [](float a, float b, float of_b) { return a + of_b * (b - a); };
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
    const auto at = [&](std::int32_t place, int lane) {
      const std::int64_t offset = std::int64_t{place} * group_size + lane;
      return mix(above[offset], below[offset], share);
    };
    int most = begin;
    float value = -__builtin_inff();
    for (int lane = begin; lane < end; ++lane) {
      const float of_lane = mix(at(between[pixel].before, lane), at(between[pixel].after, lane), between[pixel].share);
      if (!(of_lane > value)) continue;
      most = lane;
      value = of_lane;
    }
    if (!(value > largest[pixel])) continue;
    largest[pixel] = value;
    labels[pixel] = first + most;
  }
}

}  // namespace

GuidedKernel scalar_guided_kernel() {
  return shared_guided_kernel<4>(keep_largest);
}

}  // namespace datus::refine_detail
