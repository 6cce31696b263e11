// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/types.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace datus {

/// What is read once for a shard and used for each of its images. The shards that were made last are kept: who goes by
/// images in their order reads each once. From any thread.
template <class Value>
class RecentShards {
 public:
  explicit RecentShards(std::function<Value(ShardIndex)> make) : make_(std::move(make)) {}

  /// Throws what making it throws.
  [[nodiscard]] std::shared_ptr<const Value> of(ShardIndex shard) const {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(kept_, shard.value, [](const auto& entry) { return entry.first; });
    if (found != kept_.end()) return found->second;
    auto value = std::make_shared<const Value>(make_(shard));
    if (kept_.size() == most_kept) kept_.pop_front();
    kept_.emplace_back(shard.value, value);
    return value;
  }

 private:
  static constexpr std::size_t most_kept = 8;

  std::function<Value(ShardIndex)> make_;
  mutable std::mutex mutex_;
  mutable std::deque<std::pair<std::int64_t, std::shared_ptr<const Value>>> kept_;
};

}  // namespace datus
