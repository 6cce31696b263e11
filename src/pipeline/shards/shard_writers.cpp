// SPDX-License-Identifier: Apache-2.0
#include "pipeline/shards/shard_writers.hpp"

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace datus {

ShardWriters::ShardWriters(const RunContext& run, ShardTally& tally)
    : ShardWriters(run, tally, static_cast<std::size_t>(shard_writers(run.placement.gpu.has_value(), run.threads))) {}

ShardWriters::ShardWriters(const RunContext& run, ShardTally& tally, std::size_t writers)
    : run_(run), tally_(tally), writes_(writers, writers) {}

void ShardWriters::push(ShardProducts products) {
  // Shared, for a task can be copied; the products are freed with it.
  auto shard = std::make_shared<ShardProducts>(std::move(products));
  auto files = std::make_shared<std::vector<WrittenFile>>();
  writes_.push([this, shard = std::move(shard), files] { *files = write_products(run_, *shard); },
               [this, files] { report_written(run_, *files, tally_); });
}

}  // namespace datus
