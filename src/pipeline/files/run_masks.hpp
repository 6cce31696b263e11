// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline/files/mask_store.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace datus {

/// Reads the masks of a run by K and image, whichever files hold them. From any thread. The shards that were used last
/// stay open: who goes by images in their order opens each once.
class RunMasks {
 public:
  RunMasks(std::unique_ptr<const MaskStore> store, int shard_size);

  /// As `ShardMasks::read`; throws as `MaskStore::open` too.
  [[nodiscard]] Labels read(int k, std::int64_t image) const;
  [[nodiscard]] std::string name_of(int k, std::int64_t image) const { return store_->name_of(k, image); }
  /// Throws as `MaskStore::open` unless a shard has masks of this run.
  void require(int k, ShardIndex shard) const { (void)store_->open(k, shard); }

 private:
  using Place = std::pair<int, std::int64_t>;  ///< K and shard

  [[nodiscard]] std::shared_ptr<const ShardMasks> opened(Place place) const;

  std::unique_ptr<const MaskStore> store_;
  int shard_size_;
  mutable std::mutex mutex_;
  mutable std::deque<std::pair<Place, std::shared_ptr<const ShardMasks>>> open_;
};

}  // namespace datus
