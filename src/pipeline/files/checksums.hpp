// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/io/atomic_file.hpp"
#include "datus/pipeline/run_directory.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace datus {

/// One line of RUN/checksums.tsv: what a file was when it was written.
struct Checksum {
  std::string hash;        ///< 128 bits in hexadecimal, over the bytes of the file
  std::int64_t bytes = 0;  ///< size of the file; -1: not known
  std::string path;        ///< relative to the run, with slashes
};

/// RUN/checksums.tsv: 128-bit hash, bytes and relative path of the finished run's files that carry no record of their
/// own: config.yaml, the virtual files, clusters/selection.json, unreadable.tsv, scores, report. Not those that tell of
/// the job (log, summary.json, state.json, lock). In byte order of the paths; the same for the same run. The last line
/// is a hash over all before it. Throws `SystemError` or `InputError` naming the file that cannot be read or written.
void write_checksums(const RunDirectory& directory, const WriteOptions& options);

/// Removes it: a job begins to change files. Nothing happens when there is none. Throws `SystemError`.
void remove_checksums(const RunDirectory& directory);

/// Its lines; nothing when there is none. Throws `InputError` naming the file when it was changed after it was written.
[[nodiscard]] std::optional<std::vector<Checksum>> read_checksums(const RunDirectory& directory);

/// Empty when the file of a line is as it was written, else what became of it ("is missing", "was changed after it was
/// written"). Never throws for what is on the disk.
[[nodiscard]] std::string difference_from(const Checksum& wanted, const RunDirectory& directory);

}  // namespace datus
