// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline/pending/files_to_make.hpp"
#include "pipeline/pending/run_size.hpp"
#include "pipeline/session/run_context.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace datus {

/// What `datus run` would do with a stage.
struct PlannedStage {
  std::string name;
  std::string work;  ///< "3 of 4 shards", "K = 6, 10"; empty: up to date
  std::string why;   ///< why files that are there are not used; empty when they are merely missing
};

/// What `datus run` would do, and the bytes of it.
struct RunPlan {
  std::filesystem::path directory;
  std::int64_t images = 0;
  std::int64_t unreadable = 0;  ///< images whose header cannot be read
  std::int64_t shards = 0;
  int shard_size = 64;
  bool has_truth = false;
  bool keeps_keys = true;  ///< stores them; otherwise they are computed where a later stage needs them
  FilesToMake todo;
  std::vector<PlannedStage> stages;  ///< in the order of the data flow, then the report
  RunSize whole;                     ///< of the run directory in the end
  RunFiles files;                    ///< in the end
  RunSize present;                   ///< of what is there now
  std::int64_t free = 0;             ///< bytes, on the file system of the run directory
  [[nodiscard]] bool fits() const { return required_bytes(whole, present) <= free; }
};

/// COLLECTIVE. Looks at all that `datus run` looks at before it works, and changes nothing. Every file is verified, so
/// this takes as long as reading them; the weights are read only when something is to be made. The same plan on all
/// ranks and on any number of them. Throws `AgreedError` for weights that are not given or cannot be used.
[[nodiscard]] RunPlan plan_run(RunContext& run);

/// COLLECTIVE. The plan of a run of `list`, which need not exist: everything is to be done, and nothing is looked at
/// but the free space. The bytes of its masks and of its report are estimates.
[[nodiscard]] RunPlan plan_of_new_run(RunContext& run, const ImageList& list, const ModelShape& shape,
                                      double segments_per_image);

/// The plan for people: a line for each stage, a table of bytes, and whether they fit.
[[nodiscard]] std::string plan_text(const RunPlan& plan);

}  // namespace datus
