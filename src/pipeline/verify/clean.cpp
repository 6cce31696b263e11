// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/clean.hpp"

#include "datus/core/job_identity.hpp"
#include "datus/core/text.hpp"
#include "pipeline/files/checksums.hpp"
#include "pipeline/files/config_file.hpp"
#include "pipeline/session/run_context.hpp"
#include "pipeline/session/run_lock.hpp"
#include "pipeline/verify/unused_clusters.hpp"

#include <cstdint>
#include <string>

namespace datus {
namespace {

namespace fs = std::filesystem;

std::vector<int> wanted_clusters(const RunDirectory& directory) {
  const auto record = read_config_file_record(directory.config());
  if (!record || !record->intact) {
    throw InputError("Cannot tell what " + directory.root().string() + " no longer needs",
                     record ? directory.config().string() + " was damaged or changed by hand"
                            : "it is no run: it has no config.yaml of one",
                     record ? "Start the run again: it writes the file anew." : "Give the directory of a run.");
  }
  return load_config(directory.config(), {}).cluster.k;
}

std::int64_t bytes_below(const fs::path& path) {
  if (!fs::is_directory(path)) return static_cast<std::int64_t>(fs::file_size(path));
  std::int64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    if (entry.is_regular_file()) bytes += static_cast<std::int64_t>(entry.file_size());
  }
  return bytes;
}

}  // namespace

ExitCode clean_run(const fs::path& run, bool dry_run, std::ostream& out, Communicator& comm) {
  const RunDirectory directory(run);
  const auto wanted = wanted_clusters(directory);
  const auto unused = unused_clusters(directory, wanted);
  if (unused.empty()) {
    out << run.string() << ": nothing to remove, all is of cluster.k\n";
    return ExitCode::done;
  }
  const JobIdentity job = job_from_environment();
  std::unique_ptr<const RunLock> lock;
  if (!dry_run) lock = std::make_unique<const RunLock>(directory.lock(), job, comm);
  const bool has_checksums = fs::exists(directory.checksums());
  if (!dry_run) remove_checksums(directory);
  std::int64_t bytes = 0;
  for (const auto& [k, paths] : unused) {
    out << "K = " << k << (dry_run ? " would be removed:\n" : " is removed:\n");
    for (const fs::path& path : paths) {
      bytes += bytes_below(path);
      out << "  " << path.lexically_relative(directory.root()).generic_string() << "\n";
      if (!dry_run) fs::remove_all(path);
    }
  }
  // A job that was killed leaves none: then there is nothing to bring up to date.
  if (!dry_run && has_checksums) write_checksums(directory, writing_as(job, comm.rank(), lock.get()));
  out << size_text(bytes) << (dry_run ? " in all; nothing was changed\n" : " in all\n");
  return ExitCode::done;
}

}  // namespace datus
