// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/kmeans.hpp"
#include "datus/comm/communicator.hpp"
#include "datus/core/error.hpp"
#include "datus/core/stop_signals.hpp"
#include "pipeline/session/run_context.hpp"
#include "pipeline/stages/cluster/row_sources.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace datus {

/// Descriptors as k-means sees them: consecutive rows of a matrix for each rank, in memory or streamed from the files.
struct DescriptorRows {
  std::shared_ptr<const RowSources> sources;
  std::unique_ptr<KMeansRows> rows;
  /// COLLECTIVE within a group of the ranks: all rows again, shared out among them, as `open_matrix_rows` does it.
  std::function<std::unique_ptr<KMeansRows>(const KMeansOptions& options, std::int64_t beside, Communicator& group)>
      held_by = {};
  /// Whether the files of the rows have /image and /segment, of the run's own list.
  bool names_images = false;

  /// n, over all ranks.
  [[nodiscard]] std::int64_t total() const { return sources->rows; }
  /// [parts + 1]: the first row of each file (of a run: of each shard), and n.
  [[nodiscard]] std::vector<std::int64_t> offsets() const;
};

/// For passes over rows: throws `InterruptedError` when a stop was asked for and run.grace is over. The signals must
/// live as long.
[[nodiscard]] std::function<void()> may_go_on(const StopSignals& signals, const RunConfig& config);

/// COLLECTIVE. This rank's rows of the matrix that the datasets FILE.h5[:/dataset] (default /descriptor) and folders
/// make up (see `find_row_places`), in f16, f32 or f64. `options`: of the k-means that follows, for its use of memory,
/// and `beside`, bytes that others hold meanwhile; `memory`: cluster.memory; `may_go_on` is asked before each block of
/// rows. Throws `AgreedError` naming file and
/// dataset, and what `plan_row_memory` throws.
[[nodiscard]] DescriptorRows open_matrix_rows(const std::vector<std::string>& texts, const KMeansOptions& options,
                                              std::int64_t beside, std::optional<std::int64_t> memory,
                                              std::function<void()> may_go_on, Communicator& comm);

/// COLLECTIVE. The same for the descriptors of a run: the rows of all shards one after the other. Throws `AgreedError`
/// also when a shard is missing or of another provenance.
[[nodiscard]] DescriptorRows open_run_rows(const RunContext& run, const KMeansOptions& options, std::int64_t beside);

/// COLLECTIVE. Throws `AgreedError` when a row is not finite, naming the file, the dataset and the row in it: of all
/// ranks' rows the lowest. One pass over the rows.
void require_finite_rows(const DescriptorRows& data, int threads, Communicator& comm);

/// COLLECTIVE. What `fit` returns, which passes the rows to k-means. That refuses rows which are not finite in a pass
/// that it makes anyway, but knows no files: then the error names the place.
template <class Fit>
auto naming_bad_rows(const DescriptorRows& data, int threads, Communicator& comm, const Fit& fit) {
  try {
    return fit();
  } catch (const AgreedError& error) {
    if (error.exit_code() != ExitCode::bad_input) throw;
    require_finite_rows(data, threads, comm);
    throw AgreedError(error.exit_code(), data.sources->description() + ": " + error.what());
  }
}

}  // namespace datus
