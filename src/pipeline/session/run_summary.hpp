// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/core/error.hpp"
#include "datus/pipeline/run_directory.hpp"
#include "pipeline/files/segment_tally.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace datus {

/// What one stage did in this job. Counts add up over ranks; so do `busy_seconds`.
struct StageWork {
  std::string stage;          ///< name of the stage; "cluster" and "mask" for all values of K together
  std::int64_t shards = 0;    ///< shards done; 0 = nothing to do: `note` says why, or it was up to date
  std::int64_t images = 0;    ///< images done
  std::int64_t segments = 0;  ///< segments found (segment), described (describe), clustered (cluster)
  std::int64_t bytes = 0;     ///< of the files written
  double busy_seconds = 0;    ///< time that the ranks spent in the stage, summed
  double wall_seconds = 0;    ///< of the slowest rank. Stages that run fused (extract, segment, describe) overlap
  std::string note;           ///< further words for people ("300 iterations, inertia 1.2e5", "no ground truth")
};

/// COLLECTIVE. The same stage's work of all ranks: sums, and the longest wall time; the same on all ranks but for
/// `stage` and `note`, which stay this rank's own. Seconds are added as whole nanoseconds, so that their order does not
/// matter; a time below zero or not a number counts as none.
[[nodiscard]] StageWork total_work(const StageWork& mine, Communicator& comm);

/// What a job did, for people and for programs.
struct RunSummary {
  std::string command;                  ///< "run", or the stage
  ExitCode exit_code = ExitCode::done;  ///< of the job
  std::int64_t images = 0;
  std::int64_t shards = 0;
  std::int64_t unreadable = 0;
  std::int64_t segments = 0;          ///< of the whole run, not of this job alone; 0 = not known, and not said
  std::optional<SegmentTally> tally;  ///< of the whole run; nothing while segments are missing
  int ranks = 1;
  int threads = 1;     ///< per rank
  double seconds = 0;  ///< of the whole job
  std::vector<StageWork> stages;
  std::string carried_classes;                  ///< whose classes the clusters have; empty for none but their own
  std::optional<std::vector<int>> suggested_k;  ///< by the tree; nothing where this job made no clusters
};

/// A table: per stage what was done, wall time in seconds, images per second of it, MB (10^6 bytes) written, and the
/// note; "up to date" or the note alone where nothing was. Then images, segments, unreadable (if any), what is in no
/// segment, ranks and threads. Numbers read "1,234,567.8". Ends with a newline.
[[nodiscard]] std::string summary_text(const RunSummary& summary);
/// RUN/summary.json: the members by name, "stages" an object by the name of the stage, each with "images_per_second"
/// (of wall time; null where there is none), "of_this_job", and "last_work": the same numbers, ranks and threads of the
/// last job that had something to do in it, null where none is known. Stages that only `before` has (the summary of
/// earlier jobs of the run, or anything else) are taken over from it, and so is what the tree suggests.
[[nodiscard]] nlohmann::ordered_json summary_json(const RunSummary& summary, const nlohmann::ordered_json& before);

/// RUN/summary.js: the summary for the report, which a browser lets read scripts alone: a call of a function with it
/// and the time of now.
[[nodiscard]] std::filesystem::path summary_script_path(const RunDirectory& directory);
[[nodiscard]] std::string summary_script(const nlohmann::ordered_json& summary);

}  // namespace datus
