// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/half.hpp"
#include "datus/core/unfilled_vector.hpp"

#include <cstddef>
#include <span>
#include <utility>
#include <variant>
#include <vector>

namespace datus {

/// How keys are stored.
enum class KeyType { float16, float32 };

/// Embeddings as a file holds them, one value after the other: what is float16 there is float16 all the way from the
/// model.
class KeyValues {
 public:
  /// None, of a type.
  explicit KeyValues(KeyType type = KeyType::float16) {
    if (type == KeyType::float32) values_ = std::vector<float>();
  }
  explicit KeyValues(UnfilledVector<half> values) : values_(std::move(values)) {}
  explicit KeyValues(std::vector<float> values) : values_(std::move(values)) {}
  /// Rounded to the type, to nearest even.
  KeyValues(std::span<const float> values, KeyType type);

  [[nodiscard]] KeyType type() const {
    return std::holds_alternative<UnfilledVector<half>>(values_) ? KeyType::float16 : KeyType::float32;
  }
  [[nodiscard]] std::size_t size() const {
    return std::visit([](const auto& values) { return values.size(); }, values_);
  }
  [[nodiscard]] bool empty() const { return size() == 0; }

  /// Calls `take` with all of them, as a vector of `half` or of `float`.
  template <class Take>
  decltype(auto) visit(const Take& take) const {
    return std::visit(take, values_);
  }
  /// Values [begin, begin + count) as float32, exactly; `room` is for those that are not.
  [[nodiscard]] std::span<const float> floats(std::size_t begin, std::size_t count, std::vector<float>& room) const;

  friend bool operator==(const KeyValues&, const KeyValues&) = default;

 private:
  std::variant<UnfilledVector<half>, std::vector<float>> values_;
};

}  // namespace datus
