// SPDX-License-Identifier: Apache-2.0
#pragma once

// k-means on a GPU in any layout over ranks, beside the same on the processor.

#include "datus/algo/kmeans.hpp"
#include "datus/comm/device_communicator.hpp"
#include "unit/algo/kmeans_cases.hpp"
#include "unit/algo/kmeans_interruption.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace datus::test {

/// Memory for rows on the GPU: enough for all of them.
inline constexpr std::int64_t plenty = std::int64_t{1} << 30U;

/// Like `outcome_of`, on the GPU: that of index 0 for all ranks.
inline Outcome outcome_on_gpu(const Matrix& rows, KMeansOptions options, const std::vector<double>& given,
                              const Layout& layout, std::int64_t memory_bytes = plenty) {
  options.threads = layout.threads;
  options.path = layout.path;
  std::vector<std::vector<KMeansResult>> results(layout.shares.size());
  std::vector<std::string> errors(layout.shares.size());
  run_in(layout, rows, [&](std::size_t rank, const KMeansRows& mine, Communicator& comm) {
    const auto sums = make_staged_communicator(comm);
    const KMeansGpu gpu{0, sums.get(), memory_bytes};
    KMeansOptions with_gpu = options;
    with_gpu.gpu = &gpu;
    try {
      results[rank] = kmeans(mine, with_gpu, given, comm);
    } catch (const AgreedError& error) {
      errors[rank] = error.what();
    }
  });
  for (const std::string& error : errors) require(error == errors.front(), "ranks end with other errors: " + error);
  if (!errors.front().empty()) return {{}, errors.front()};
  return {joined(results), {}};
}

/// Throws unless the GPU gives the very bits of one thread of the processor, or the same error.
inline void require_cpu_bits(const Matrix& rows, const KMeansOptions& options, const std::vector<double>& given,
                             const Layout& layout, std::int64_t memory_bytes = plenty) {
  const Outcome expected = outcome_of(rows, options, given, {{rows.rows}, 1, best_simd_path()});
  const Outcome actual = outcome_on_gpu(rows, options, given, layout, memory_bytes);
  const std::string where = "GPU, " + text_of(layout) + ", memory " + std::to_string(memory_bytes);
  require(actual.error == expected.error, where + ": error '" + actual.error + "' instead of '" + expected.error + "'");
  require_same_bits(actual.results, expected.results, where);
}

/// `run`, where `on_gpu` says so on a GPU.
inline Ending run_somewhere(bool on_gpu, const Start& start, const Matrix& rows, const KMeansOptions& options) {
  std::vector<RankLog> logs(start.layout.shares.size());
  const std::size_t asked = logs.size() - 1;
  run_in(start.layout, rows, [&](std::size_t rank, const KMeansRows& mine, Communicator& comm) {
    const auto sums = make_staged_communicator(comm);
    const KMeansGpu gpu{0, sums.get(), plenty};
    KMeansOptions here = options;
    here.gpu = on_gpu ? &gpu : nullptr;
    run_rank(start, here, {}, rank == asked, mine, comm, logs[rank]);
  });
  std::vector<std::vector<KMeansResult>> results;
  for (const RankLog& log : logs) {
    require(log.ending.saved == logs.front().ending.saved, "ranks save other states");
    require(log.ending.error.empty(), log.ending.error);
    results.push_back(log.ending.results);
  }
  Ending ending = logs.front().ending;
  ending.results = joined(results);
  return ending;
}

}  // namespace datus::test
