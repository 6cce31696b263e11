// SPDX-License-Identifier: Apache-2.0
#include "algo/refine/mean_field.hpp"

#include <algorithm>

namespace datus::refine_detail {

void mean_field(const Kernel& kernel, std::span<const float> unary, std::int64_t pixels, int iterations,
                Messages& messages, std::span<float> values) {
  const std::int64_t group = pixels * group_size;
  const int groups = static_cast<int>(static_cast<std::int64_t>(unary.size()) / group);
  kernel.softmax(unary.data(), pixels, pixels, groups, values.data());
  // Scores are still in the caches when they become probabilities.
  constexpr std::int64_t pixels_at_once = 256;
  for (int iteration = 0; iteration < iterations; ++iteration) {
    for (int g = 0; g < groups; ++g) {
      const float* const own_unary = unary.data() + g * group;
      float* const own_values = values.data() + g * group;
      messages.take(own_unary, own_values);
      for (std::int64_t first = 0; first < pixels; first += pixels_at_once) {
        const std::int64_t count = std::min(pixels_at_once, pixels - first);
        messages.give(first, count, own_unary, own_values);
        float* const of_all = values.data() + first * group_size;
        if (g == groups - 1) kernel.softmax(of_all, pixels, count, groups, of_all);
      }
    }
  }
}

}  // namespace datus::refine_detail
