// SPDX-License-Identifier: Apache-2.0
#include "algo/refine/groups.hpp"

#include "algo/refine/kernels.hpp"

#include <algorithm>

namespace datus::refine_detail {

static_assert(group_size == class_group_size);

int groups_of(int classes) {
  return (classes + group_size - 1) / group_size;
}

void for_each_group(int classes, const std::function<void(int, int)>& body) {
  for (int first = 0; first < classes; first += group_size) body(first, std::min(group_size, classes - first));
}

GiveClasses give_from(std::span<const float> values, int classes) {
  return [=](int first, int count, std::size_t pixel, std::span<float> lanes) {
    const float* from = values.data() + pixel * static_cast<std::size_t>(classes) + first;
    for (float* to = lanes.data(); to != lanes.data() + lanes.size(); to += group_size, from += classes) {
      std::copy_n(from, count, to);
    }
  };
}

TakeClasses take_to(std::span<float> values, int classes) {
  return [=](int first, int count, std::size_t pixel, std::span<const float> lanes) {
    float* to = values.data() + pixel * static_cast<std::size_t>(classes) + first;
    for (const float* from = lanes.data(); from != lanes.data() + lanes.size(); from += group_size, to += classes) {
      std::copy_n(from, count, to);
    }
  };
}

}  // namespace datus::refine_detail
