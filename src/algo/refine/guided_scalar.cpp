// SPDX-License-Identifier: Apache-2.0
#include "algo/refine/guided_loops.hpp"

namespace datus::refine_detail {
namespace {

void keep_largest_of_lanes(const float* values, std::int64_t pixels, int begin, int end, int first, float* largest,
                           std::int32_t* labels) {
  keep_largest(values, pixels, first, largest, labels, [=](const float* lanes, float& value) {
    int lane = begin;
    for (int k = begin + 1; k < end; ++k) lane = lanes[k] > lanes[lane] ? k : lane;
    value = lanes[lane];
    return lane;
  });
}

}  // namespace

GuidedKernel scalar_guided_kernel() {
  return shared_guided_kernel<4>(keep_largest_of_lanes);
}

}  // namespace datus::refine_detail
