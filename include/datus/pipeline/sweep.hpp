// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/config/sweep.hpp"
#include "datus/core/error.hpp"
#include "datus/pipeline/run.hpp"

#include <optional>
#include <string>
#include <vector>

namespace datus {

/// What is asked of a sweep.
struct SweepOptions {
  /// Only the runs of one part, as a task of an array does them; parts are numbered from 0.
  std::optional<int> part;
  RunOptions run;
};

/// The parts of a sweep, as indices of its cells: runs that share embeddings are in one part, so that parts may be
/// worked on at the same time.
[[nodiscard]] std::vector<std::vector<std::size_t>> sweep_parts(const Sweep& sweep);

/// What a sweep consists of: a line for each run, with its part and whose files it shares.
[[nodiscard]] std::string sweep_text(const Sweep& sweep);

/// COLLECTIVE. Runs one cell after the other; each goes on where it stopped. A run shares the folders of embeddings,
/// segments and descriptors with the first one that they are the same for: RUN/keys and so on are links then. A run
/// that fails is told, and the next one begins. When all runs of the sweep have scores, the leaderboard is printed and
/// written beside them in every format. Returns the exit code of the first run that failed, or `unreadable_images`.
/// Throws `AgreedError` when a signal asked for a stop.
ExitCode run_sweep(const Sweep& sweep, const SweepOptions& options, Communicator& comm);

}  // namespace datus
