// SPDX-License-Identifier: Apache-2.0
#include "pipeline/shards/segment_totals.hpp"

#include "datus/core/error.hpp"

#include <array>
#include <filesystem>
#include <span>

namespace datus {
namespace {

/// Nothing when there is none of this run.
std::optional<SegmentTally> tally_of(const RunContext& run, ShardIndex shard) {
  const auto path = run.directory.segments(shard);
  if (!std::filesystem::exists(path)) return std::nullopt;
  const Hdf5Reader reader(path);
  if (!has_provenance(reader, run.provenance.of(Stage::segment).of_shard(shard))) return std::nullopt;
  return read_tally(reader);
}

}  // namespace

std::optional<SegmentTally> tally_of_run(const RunContext& run) {
  constexpr auto counts = SegmentTally::counts();
  SegmentTally mine;
  std::int64_t missing = 0;
  const auto [begin, end] = share_of(run.list.shards(), run.comm);
  collectively(run.comm, [&, begin = begin, end = end] {
    for (std::int64_t shard = begin; shard < end; ++shard) {
      if (const auto tally = tally_of(run, {shard})) {
        mine.add(*tally);
      } else {
        ++missing;
      }
    }
  });
  std::array<std::int64_t, counts.size() + 1> sums{};
  for (std::size_t i = 0; i < counts.size(); ++i) sums.at(i) = mine.*counts.at(i).second;
  sums.back() = missing;
  run.comm.allreduce(std::span<std::int64_t>(sums), ReduceOp::sum);
  if (sums.back() > 0) return std::nullopt;
  SegmentTally all;
  for (std::size_t i = 0; i < counts.size(); ++i) all.*counts.at(i).second = sums.at(i);
  return all;
}

}  // namespace datus
