// SPDX-License-Identifier: Apache-2.0
#include "pipeline/report/segment_sample.hpp"

#include "datus/core/error.hpp"
#include "pipeline/files/verified_file.hpp"

#include <algorithm>

namespace datus {
namespace {

constexpr std::int64_t most_segments = 2000;
constexpr std::int64_t most_shards = 32;

/// `count` of 0 … size - 1, evenly chosen, or all.
std::vector<std::int64_t> evenly(std::int64_t size, std::int64_t count) {
  std::vector<std::int64_t> chosen;
  const std::int64_t few = std::min(size, count);
  for (std::int64_t i = 0; i < few; ++i) chosen.push_back(i * size / few);
  return chosen;
}

/// Rows of the file of one shard.
void add_rows(const RunContext& run, std::int64_t shard, std::int64_t first, const std::vector<std::int64_t>& rows,
              SegmentSample& sample) {
  try {
    const Hdf5Reader reader =
        open_verified(run.directory.descriptors({shard}), run.provenance.of(Stage::describe).of_shard({shard}));
    const auto dim = reader.shape("descriptor", 2)[1];
    std::vector<float> row(static_cast<std::size_t>(dim));
    for (const std::int64_t index : rows) {
      reader.read_rows<float>("descriptor", index, 1, row);
      sample.descriptors.insert(sample.descriptors.end(), row.begin(), row.end());
      sample.rows.push_back(first + index);
    }
    sample.dim = static_cast<int>(dim);
  } catch (const InputError&) {
    // Not there, or damaged: the next run that needs it makes it anew.
  }
}

}  // namespace

SegmentSample sample_segments(const RunContext& run, std::span<const std::int64_t> shard_offset) {
  SegmentSample sample;
  const std::int64_t shards = std::ssize(shard_offset) - 1;
  const auto chosen = evenly(std::max<std::int64_t>(0, shards), most_shards);
  const auto size_of = [&](std::int64_t shard) {
    return shard_offset[static_cast<std::size_t>(shard) + 1] - shard_offset[static_cast<std::size_t>(shard)];
  };
  std::int64_t all = 0;
  for (const std::int64_t shard : chosen) all += size_of(shard);
  for (const std::int64_t shard : chosen) {
    // By its share of the segments, rounded down: never more than there may be.
    const std::int64_t count = all <= most_segments ? size_of(shard) : size_of(shard) * most_segments / all;
    if (count > 0)
      add_rows(run, shard, shard_offset[static_cast<std::size_t>(shard)], evenly(size_of(shard), count), sample);
  }
  return sample;
}

}  // namespace datus
