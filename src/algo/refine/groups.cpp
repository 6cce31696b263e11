#include "algo/refine/groups.hpp"

#include "algo/refine/kernels.hpp"

#include <algorithm>
#include <cstdint>

namespace datus::refine_detail {
namespace {

/// Calls body(pixel's values of a group, lanes of the group) for each group of each pixel.
template <class Value, class Lane, class Body>
void for_each_group(std::span<Value> values, int classes, std::span<Lane> groups, Body body) {
  const auto pixels = static_cast<std::int64_t>(values.size()) / classes;
  for (int first = 0; first < classes; first += group_size) {
    const int count = std::min(group_size, classes - first);
    Lane* const lanes = groups.data() + first * pixels;
    for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
      body(values.data() + pixel * classes + first, count, lanes + pixel * group_size);
    }
  }
}

}  // namespace

int groups_of(int classes) {
  return (classes + group_size - 1) / group_size;
}

void to_groups(std::span<const float> values, int classes, float filling, std::span<float> groups) {
  for_each_group(values, classes, groups, [filling](const float* from, int count, float* lanes) {
    std::copy_n(from, count, lanes);
    std::fill(lanes + count, lanes + group_size, filling);
  });
}

void from_groups(std::span<const float> groups, int classes, std::span<float> values) {
  for_each_group(values, classes, groups,
                 [](float* to, int count, const float* lanes) { std::copy_n(lanes, count, to); });
}

}  // namespace datus::refine_detail
