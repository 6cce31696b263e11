// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/kmeans.hpp"
#include "datus/comm/communicator.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace datus {

/// Bytes of this process that are in memory now, its libraries included. Throws `SystemError` without /proc.
[[nodiscard]] std::int64_t resident_bytes();
/// The most that there have been since `forget_peak_resident_bytes`, which first gives back what was freed, so that its
/// use again counts; where the kernel does not let it be forgotten, since the process began.
[[nodiscard]] std::int64_t peak_resident_bytes();
void forget_peak_resident_bytes();

/// Bytes that processes on this node can still get: what the kernel says is available, or less where a control group
/// (versions 1 and 2) of this process sets a limit. `root` is where proc and sys are, for tests. Throws `SystemError`
/// without /proc.
[[nodiscard]] std::int64_t available_bytes(const std::filesystem::path& root = "/");

/// COLLECTIVE. Bytes that each rank can still get for rows and the state of k-means: of `limit` (cluster.memory) what
/// is not used, or else half of what is available to it; that of the rank that has least.
[[nodiscard]] std::int64_t room_on_every_rank(std::optional<std::int64_t> limit, Communicator& comm);

/// How the rows of one rank are held.
struct RowMemory {
  /// All of them in memory; otherwise they stream, with `stream_bytes` for buffers and those rows that stay.
  bool all_fit = true;
  std::int64_t stream_bytes = 0;
};

/// COLLECTIVE. What this rank does with its `rows` rows of length `dim` in k-means with `options`; `is_precise`: they
/// are f64, of which k-means keeps an f32 copy where all fit. `limit` is cluster.memory: bytes for the whole process,
/// of which those used so far, the state of k-means and `beside`, what else is to be held, are taken off; without it
/// half of what is available to the rank.
/// Throws `AgreedError`, exit code usage, when a limit is too small for k-means itself and the smallest buffers of some
/// rank; it says how much is needed.
[[nodiscard]] RowMemory plan_row_memory(std::optional<std::int64_t> limit, std::int64_t rows, int dim, bool is_precise,
                                        const KMeansOptions& options, std::int64_t beside, Communicator& comm);

}  // namespace datus
