// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline/session/run_context.hpp"

#include <algorithm>
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

}  // namespace datus
