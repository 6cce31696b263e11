// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace datus::preflight_detail {

/// Something that a rank found wrong by itself.
struct Problem {
  ExitCode code = ExitCode::failure;
  std::string text;  ///< "PROBLEM (WHY) WHAT TO DO"
};

/// Something that has to be the same wherever it is known.
struct Shared {
  std::string what;    ///< with its verb: "the weights are"
  std::string value;   ///< what it is here; of several lines the first that differs is shown
  std::string advice;  ///< what to do when it differs
  ExitCode code = ExitCode::usage;
};

/// The place of the run directory, as one node sees it.
struct FolderView {
  std::string path;  ///< it or the nearest folder above it that exists
  std::int64_t free_bytes = 0;
  /// Whether the file that rank 0 made there is seen; nothing when rank 0 could not make one.
  std::optional<bool> sees_token = {};
};

/// The GPU that a rank will use.
struct CardView {
  std::string name;
  std::string uuid;
  std::string slot = {};   ///< as in `RankCard`
  bool shareable = false;  ///< whether other ranks may have it too
};

/// What one rank tells the others.
struct RankFacts {
  std::string node;
  int threads = 1;                        ///< that it will use
  int share = 1;                          ///< its fair share of the cores that it may run on
  std::optional<int> granted_cores = {};  ///< by the batch system
  std::vector<Shared> shared = {};
  std::vector<Problem> problems = {};
  std::optional<FolderView> folder = {};
  std::optional<CardView> card = {};  ///< where GPUs are used
};

[[nodiscard]] std::string to_text(const RankFacts& facts);
[[nodiscard]] RankFacts facts_from_text(const std::string& text);

/// The least room for a run, in bytes: below that not even logs and records fit.
inline constexpr std::int64_t least_free_bytes = std::int64_t{64} << 20;

/// A line of the report. The same on several nodes is said once.
struct Finding {
  std::vector<std::string> nodes;
  ExitCode code = ExitCode::done;  ///< `done` for a mere warning
  std::string text;
  /// "preflight: n1, n2: TEXT", without a line break.
  [[nodiscard]] std::string line() const;
};

/// All that is wrong, the launch first. `facts` is by rank and not empty; `wanted_ranks` is what the launcher was asked
/// for.
[[nodiscard]] std::vector<Finding> findings_in(const std::vector<RankFacts>& facts, std::optional<int> wanted_ranks);

/// "4 ranks on 2 nodes, 2 threads and NVIDIA H100 each, 57.3 GiB free in runs/coco".
[[nodiscard]] std::string summary_of(const std::vector<RankFacts>& facts);

}  // namespace datus::preflight_detail
