#pragma once

#include "datus/algo/kmeans.hpp"
#include "datus/comm/communicator.hpp"
#include "datus/pipeline/run_context.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace datus {

/// The descriptors of a run as k-means sees them: rows of all shards one after the other, this rank's part in memory.
struct RunRows {
  std::unique_ptr<KMeansRows> rows;
  std::int64_t total = 0;
  std::vector<std::int64_t> shard_offset;  ///< [shards + 1] first row of each shard
};

/// COLLECTIVE. Reads this rank's rows from the shards and verifies them. Throws `AgreedError` when a shard is missing
/// or of another provenance, or holds a value that is not finite.
[[nodiscard]] RunRows read_run_rows(RunContext& run);

/// COLLECTIVE. This rank's rows of a matrix FILE.h5[:/dataset] (default /descriptor) of f16, f32 or f64. `total` gets
/// the number of all rows. Throws `AgreedError` naming file, dataset and row.
[[nodiscard]] std::unique_ptr<KMeansRows> read_matrix_rows(const std::string& text, std::int64_t* total,
                                                           Communicator& comm);

/// COLLECTIVE. All ranks' labels in row order, on rank 0; empty elsewhere.
[[nodiscard]] std::vector<std::int32_t> gather_labels(const std::vector<std::int32_t>& local, Communicator& comm);

}  // namespace datus
