#include "algo/refine/mean_field.hpp"

namespace datus::refine_detail {

void mean_field(const Kernel& kernel, std::span<const float> unary, std::int64_t pixels, int iterations,
                const AddMessages& add_messages, std::span<float> scores, std::span<float> probabilities) {
  const std::int64_t group = pixels * group_size;
  const int groups = static_cast<int>(static_cast<std::int64_t>(unary.size()) / group);
  kernel.softmax(unary.data(), pixels, groups, probabilities.data());
  for (int iteration = 0; iteration < iterations; ++iteration) {
    for (int g = 0; g < groups; ++g) {
      const std::int64_t first = g * group;
      add_messages(probabilities.data() + first, unary.data() + first, scores.data() + first);
    }
    kernel.softmax(scores.data(), pixels, groups, probabilities.data());
  }
}

}  // namespace datus::refine_detail
