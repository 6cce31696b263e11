// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/run_masks.hpp"

#include <algorithm>

namespace datus {
namespace {

/// Of two shards for more values of K than most runs have, and far fewer files than a process may open.
constexpr std::size_t most_open = 64;

}  // namespace

RunMasks::RunMasks(std::unique_ptr<const MaskStore> store, int shard_size)
    : store_(std::move(store)), shard_size_(shard_size) {}

Labels RunMasks::read(int k, std::int64_t image) const {
  return opened({k, image / shard_size_})->read(image);
}

std::shared_ptr<const ShardMasks> RunMasks::opened(Place place) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(open_, place, [](const auto& entry) { return entry.first; });
  if (found != open_.end()) return found->second;
  std::shared_ptr<const ShardMasks> masks = store_->open(place.first, {place.second});
  if (open_.size() == most_open) open_.pop_front();
  open_.emplace_back(place, masks);
  return masks;
}

}  // namespace datus
