// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline/session/run_context.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

namespace datus {

/// How many shards' images share a batch of embeddings on a GPU: as many as fit it whole, one at least. Shard s has the
/// places from (s modulo that) x `shard_size` on, whichever of the others are computed with it: an image's place in its
/// batch, on which its last bits may depend, is the same on any ranks and after any stop.
[[nodiscard]] constexpr std::int64_t shards_in_batch(std::int64_t batch_size, std::int64_t shard_size) noexcept {
  return std::max<std::int64_t>(batch_size / shard_size, 1);
}

/// That of a run; 1 where the model runs on the CPU.
[[nodiscard]] std::int64_t shards_in_batch(const RunContext& run);

/// What share of the places in such batches have an image, where shards are whole.
[[nodiscard]] double filled_share(std::int64_t batch_size, std::int64_t shard_size) noexcept;

/// Where that is less than nine tenths: both numbers, the share and what fills batches; otherwise empty.
[[nodiscard]] std::string text_of_empty_places(std::int64_t batch_size, std::int64_t shard_size);

/// The place in a batch of a GPU that the first crop of a shard has (`SegmentCrops::first_place`): as crops' last bits
/// may depend on it, it follows from the shard's number alone. Those of consecutive shards are a golden section apart,
/// so that what shards leave of their batches lies spread over the places, in whatever numbers they come.
[[nodiscard]] std::size_t first_crop_place(ShardIndex shard, int batch_size) noexcept;

/// Batches of crops that GPUs were given.
struct CropBatchCounts {
  std::int64_t batches = 0;
  std::int64_t crops = 0;
};

/// Where less than nine tenths of their places had a crop, and some were more than the last one of a rank: numbers,
/// share and what helps; otherwise empty.
[[nodiscard]] std::string text_of_empty_places(CropBatchCounts counts, std::int64_t batch_size, int ranks);

}  // namespace datus
