// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/key_values.hpp"

namespace datus {

KeyValues::KeyValues(std::span<const float> values, KeyType type) {
  if (type == KeyType::float32) {
    values_ = std::vector<float>(values.begin(), values.end());
    return;
  }
  UnfilledVector<half> halves(values.size());
  to_half(values, halves);
  values_ = std::move(halves);
}

std::span<const float> KeyValues::floats(std::size_t begin, std::size_t count, std::vector<float>& room) const {
  if (const auto* stored = std::get_if<std::vector<float>>(&values_)) return std::span(*stored).subspan(begin, count);
  room.resize(count);
  to_float(std::span(std::get<UnfilledVector<half>>(values_)).subspan(begin, count), room);
  return room;
}

}  // namespace datus
