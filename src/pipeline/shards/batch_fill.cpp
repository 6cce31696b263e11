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

namespace {
constexpr double enough = 0.9;
}

std::string text_of_empty_places(std::int64_t batch_size, std::int64_t shard_size) {
  const double share = filled_share(batch_size, shard_size);
  if (share >= enough) return {};
  return "batches of " + std::to_string(batch_size) + " are filled to " + std::to_string(std::lround(100 * share)) +
         " % by shards of " + std::to_string(shard_size) +
         " images: let one of model.batch_size and dataset.shard_size be a multiple of the other, in a new run";
}

std::size_t first_crop_place(ShardIndex shard, int batch_size) noexcept {
  // The fraction that a multiple of the golden section has, in units of 2^-32.
  constexpr std::uint64_t section = 0x9E3779B9;
  const std::uint64_t fraction = (static_cast<std::uint64_t>(shard.value) * section) & 0xFFFFFFFF;
  return (fraction * static_cast<std::uint64_t>(batch_size)) >> 32U;
}

std::string text_of_empty_places(CropBatchCounts counts, std::int64_t batch_size, int ranks) {
  const double share =
      static_cast<double>(counts.crops) / static_cast<double>(std::max<std::int64_t>(counts.batches, 1) * batch_size);
  if (share >= enough || counts.batches <= ranks) return {};
  return "batches of " + std::to_string(batch_size) + " were filled to " + std::to_string(std::lround(100 * share)) +
         " % (" + std::to_string(counts.crops) + " crops in " + std::to_string(counts.batches) +
         "): shards of more images, or a smaller model.batch_size, fill them, in a new run";
}

}  // namespace datus
