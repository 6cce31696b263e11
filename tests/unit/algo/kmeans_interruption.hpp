// SPDX-License-Identifier: Apache-2.0
#pragma once

// k-means that is stopped or killed at a chosen moment, and what it leaves to go on from.

#include "datus/algo/kmeans.hpp"
#include "datus/core/error.hpp"
#include "kmeans_layouts.hpp"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <vector>

namespace datus::test {

inline constexpr std::int64_t never = -1;

/// The process is gone: what `save` threw.
class Killed : public std::exception {};

/// One start of the program: how it is to end, and what came of it.
struct Start {
  Layout layout;
  const KMeansState* resume = nullptr;
  /// The pass, from 1, in which one of the ranks is asked to stop.
  std::int64_t stop_at = never;
  /// The call of `save`, from 1, that never returns.
  std::int64_t kill_at = never;
};

struct Ending {
  /// Empty if it was stopped or killed.
  std::vector<KMeansResult> results;
  /// Every saved state, and the pass after which it was.
  std::vector<KMeansState> saved;
  std::vector<std::int64_t> saved_at;
  std::int64_t passes = 0;
  /// Other than the one of an interruption.
  std::string error;
};

/// What one rank sees.
struct RankLog {
  Ending ending;
  bool stopped = false;
  bool killed = false;
};

inline void run_rank(const Start& start, KMeansOptions options, const std::vector<double>& given, bool asked,
                     const KMeansRows& rows, Communicator& comm, RankLog& log) {
  Ending& ending = log.ending;
  options.threads = start.layout.threads;
  options.path = start.layout.path;
  options.resume = start.resume;
  options.stop_requested = [&] { return ++ending.passes == start.stop_at && asked; };
  options.save = [&](const KMeansState& state) {
    if (std::ssize(ending.saved) + 1 == start.kill_at) throw Killed();
    ending.saved.push_back(state);
    ending.saved_at.push_back(ending.passes);
  };
  try {
    ending.results = kmeans(rows, options, given, comm);
  } catch (const Killed&) {
    log.killed = true;
  } catch (const AgreedError& error) {
    log.stopped = error.exit_code() == ExitCode::interrupted;
    if (!log.stopped) ending.error = error.what();
  }
}

/// All ranks must see the same.
inline Ending run(const Start& start, const Matrix& rows, const KMeansOptions& options,
                  const std::vector<double>& given) {
  std::vector<RankLog> logs(start.layout.shares.size());
  const std::size_t asked = logs.size() - 1;
  run_in(start.layout, rows, [&](std::size_t rank, const KMeansRows& mine, Communicator& comm) {
    run_rank(start, options, given, rank == asked, mine, comm, logs[rank]);
  });
  std::vector<std::vector<KMeansResult>> results;
  const RankLog& first = logs.front();
  for (const RankLog& log : logs) {
    require(log.stopped == first.stopped && log.killed == first.killed, "some ranks were interrupted, others not");
    require(log.ending.error == first.ending.error, "ranks end with other errors");
    require(log.ending.saved == first.ending.saved, "ranks save other states");
    require(log.ending.saved_at == first.ending.saved_at, "ranks save after other passes");
    require(log.ending.passes == first.ending.passes, "ranks pass more often than others");
    results.push_back(log.ending.results);
  }
  // Asked in the very last pass, it ends as if it had not been asked.
  const bool asked_in_time = start.stop_at != never && start.stop_at <= first.ending.passes;
  require(!asked_in_time || first.ending.passes == start.stop_at, "went on when asked to stop");
  require(!first.stopped || asked_in_time, "stopped unasked");
  Ending ending = first.ending;
  ending.results = joined(results);
  return ending;
}

inline Layout one_rank(std::int64_t rows) {
  return {{rows}, 1, best_simd_path()};
}

}  // namespace datus::test
