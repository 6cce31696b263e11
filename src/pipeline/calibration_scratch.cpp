#include "pipeline/calibration_scratch.hpp"

#include "datus/core/error.hpp"

#include <system_error>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// The first folder on the way to `folder` that does not exist; empty when all do.
fs::path first_missing(const fs::path& folder) {
  fs::path missing;
  std::error_code ignored;
  for (fs::path path = folder; !path.empty() && !fs::exists(path, ignored); path = path.parent_path()) {
    missing = path;
    if (path == path.parent_path()) break;
  }
  return missing;
}

/// Removes `folder` and its parents up to `topmost` as far as nothing lies in them.
void remove_empty(fs::path folder, const fs::path& topmost) {
  std::error_code problem;
  while (fs::remove(folder, problem) && !problem && folder != topmost) folder = folder.parent_path();
}

}  // namespace

CalibrationScratch::CalibrationScratch(const fs::path& run_directory, const std::string& tag, Communicator& comm) {
  fs::path run = fs::absolute(run_directory).lexically_normal();
  if (!run.has_filename()) run = run.parent_path();
  all_ = run.parent_path() / ("." + run.filename().string() + ".calibrating-" + tag);
  mine_ = all_ / std::to_string(comm.rank());
  topmost_ = first_missing(run.parent_path());
  comm.barrier();  // All have seen what was there.
  try {
    collectively(comm, [&] {
      std::error_code problem;
      if (fs::create_directories(mine_, problem) || !problem) return;
      throw SystemError("Cannot make the folder " + mine_.string() + " for files to measure with", problem.message(),
                        "Choose a writable place for the run with --run or run.directory.");
    });
  } catch (...) {
    remove();
    throw;
  }
}

CalibrationScratch::~CalibrationScratch() {
  remove();
}

void CalibrationScratch::remove() const noexcept {
  std::error_code ignored;
  fs::remove_all(mine_, ignored);
  // The last rank of a file system finds the common folder empty.
  if (fs::remove(all_, ignored) && !topmost_.empty()) remove_empty(all_.parent_path(), topmost_);
}

}  // namespace datus
