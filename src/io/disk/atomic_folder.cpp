// SPDX-License-Identifier: Apache-2.0
#include "datus/io/atomic_folder.hpp"

#include "datus/core/error.hpp"
#include "io/disk/write_descriptor.hpp"

#include <cerrno>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// Without a slash at its end, so that it has a name.
fs::path named(const fs::path& path) {
  const fs::path place = fs::absolute(path).lexically_normal();
  return place.has_filename() ? place : place.parent_path();
}

bool is_taken(const fs::path& path) {
  std::error_code unknown;
  const auto status = fs::symlink_status(path, unknown);
  if (status.type() == fs::file_type::not_found) return false;
  return status.type() != fs::file_type::directory || !fs::is_empty(path, unknown);
}

[[noreturn]] void refuse(const fs::path& folder, const std::error_code& why) {
  throw SystemError("Cannot write the folder " + folder.string(), why.message(), "Choose another place with --out.");
}

}  // namespace

AtomicFolder::AtomicFolder(const fs::path& final_path) : final_path_(named(final_path)) {
  if (is_taken(final_path_)) {
    throw UsageError("There is something in " + final_path_.string(), "nothing that is there is overwritten",
                     "Remove it, or choose another place with --out.");
  }
  temporary_path_ =
      final_path_.parent_path() / ("." + final_path_.filename().string() + ".tmp-" + std::to_string(::getpid()));
  std::error_code problem;
  fs::remove_all(temporary_path_, problem);
  if (!problem) fs::create_directories(temporary_path_, problem);
  if (problem) refuse(final_path_, problem);
}

AtomicFolder::~AtomicFolder() {
  std::error_code ignored;
  if (!committed_) fs::remove_all(temporary_path_, ignored);
}

void AtomicFolder::commit() {
  const std::string problem = "Cannot bring the folder " + final_path_.string() + " to disk";
  const int folder = ::open(temporary_path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) throw_write_failure({.problem = problem, .file = temporary_path_, .code = errno});
  const int code = ::syncfs(folder) == 0 ? 0 : errno;
  ::close(folder);
  if (code != 0) throw_write_failure({.problem = problem, .file = temporary_path_, .code = code});
  std::error_code refused;
  // Over an empty folder too.
  fs::rename(temporary_path_, final_path_, refused);
  if (refused) refuse(final_path_, refused);
  committed_ = true;
  io_detail::WriteDescriptor parent(O_RDONLY | O_DIRECTORY, {.problem = problem, .file = final_path_.parent_path()});
  parent.sync_folder();
}

}  // namespace datus
