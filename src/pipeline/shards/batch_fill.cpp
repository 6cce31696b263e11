// SPDX-License-Identifier: Apache-2.0
#include "pipeline/shards/batch_fill.hpp"

#include <cmath>

namespace datus {

std::int64_t shards_in_batch(const RunContext& run) {
  return run.placement.gpu ? shards_in_batch(run.placement.batch_size, run.list.shard_size) : 1;
}

double filled_share(std::int64_t batch_size, std::int64_t shard_size) noexcept {
  const std::int64_t images = shards_in_batch(batch_size, shard_size) * shard_size;
  const std::int64_t batches = (images + batch_size - 1) / batch_size;
  return static_cast<double>(images) / static_cast<double>(batches * batch_size);
}

std::string text_of_empty_places(std::int64_t batch_size, std::int64_t shard_size) {
  constexpr double enough = 0.9;
  const double share = filled_share(batch_size, shard_size);
  if (share >= enough) return {};
  return "batches of " + std::to_string(batch_size) + " are filled to " + std::to_string(std::lround(100 * share)) +
         " % by shards of " + std::to_string(shard_size) +
         " images: let one of model.batch_size and dataset.shard_size be a multiple of the other, in a new run";
}

}  // namespace datus
