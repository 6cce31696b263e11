// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/pipeline/run_directory.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace datus {

/// What is wrong with a file of a run.
struct RunFinding {
  enum class Kind {
    damaged,  ///< its bytes are not those that were written
    missing,
    stale,    ///< complete, but made from something else: other settings or images, another run, another shard
    foreign,  ///< nothing that the run wrote, in a folder of its results
    note,     ///< nothing wrong, but good to know
  };
  Kind kind = Kind::note;
  std::string file;    ///< relative to the run
  std::string reason;  ///< a phrase
};

/// What came out of the check of a run.
struct RunVerification {
  std::vector<RunFinding> findings;          ///< in the order of the data flow
  std::map<std::string, std::int64_t> fine;  ///< files without a finding, by kind ("keys", "masks", ...)
  std::int64_t unchecked = 0;                ///< files of an unfinished run that carry no record yet
  [[nodiscard]] std::int64_t count(RunFinding::Kind kind) const;
  /// No finding but notes.
  [[nodiscard]] bool is_fine() const;
};

/// "damaged", "missing", ...
[[nodiscard]] const char* to_string(RunFinding::Kind kind) noexcept;

/// Checks every byte of every file of a run and that it belongs there: that its content is as it was written, that it
/// is of this run and of its shard, that none is missing or too many. Changes nothing. Not told from a good one are
/// files about the job (log, summary.json, state.json, lock). Whatever is on the disk is a finding, never an exception.
///
/// A stage may be absent as a whole unless RUN/state.json says that the run is done. Virtual files are compared by
/// their bytes with RUN/checksums.tsv and never opened.
[[nodiscard]] RunVerification verify_run(const RunDirectory& directory);

}  // namespace datus
