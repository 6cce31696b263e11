// SPDX-License-Identifier: Apache-2.0
#include "datus/io/atomic_file.hpp"

#include "datus/core/error.hpp"
#include "datus/core/hash.hpp"
#include "datus/io/disk_space.hpp"
#include "io/disk/write_descriptor.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace datus {
namespace {

namespace fs = std::filesystem;

using io_detail::WriteDescriptor;

/// Between the name and the writer in the name of a temporary file.
constexpr const char* unfinished_mark = ".tmp-";

/// Longest file name that Linux file systems take, in bytes.
constexpr std::size_t longest_name = 255;

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

fs::path temporary_path_for(const fs::path& final_path, std::string_view tag) {
  const std::string name = final_path.filename().string();
  std::string suffix = unfinished_mark;
  if (!tag.empty()) suffix.append(tag).append("-");
  suffix += std::to_string(::getpid());
  // A name near the file system's limit leaves no room for the suffix: its hash keeps the temporary name unique.
  std::string stem = name;
  if (name.size() + suffix.size() + 1 > longest_name) {
    Hasher hasher;
    stem = name.substr(0, longest_name / 2) + hasher.add(name).finish().hex();
  }
  return folder_of(final_path) / ("." + stem + suffix);
}

void make_empty_file(const fs::path& path, const std::string& problem) {
  WriteDescriptor file(O_WRONLY | O_CREAT | O_EXCL, {.problem = problem, .file = path});
  try {
    file.close();
  } catch (const Error&) {
    ::unlink(path.c_str());
    throw;
  }
}

void sync_file(const fs::path& path) {
  WriteFailure report{.problem = "Cannot bring " + path.string() + " to disk", .file = path};
  std::error_code unknown;
  const auto size = fs::file_size(path, unknown);
  if (!unknown) report.needed = static_cast<std::int64_t>(size);
  WriteDescriptor file(O_WRONLY | O_NOFOLLOW | O_NONBLOCK, std::move(report));
  file.sync_file();
  file.close();
}

void sync_folder(const fs::path& folder) {
  WriteDescriptor file(O_RDONLY | O_DIRECTORY,
                       {.problem = "Cannot bring the folder " + folder.string() + " to disk", .file = folder});
  file.sync_folder();
}

}  // namespace

AtomicFile::AtomicFile(fs::path final_path, WriteOptions options)
    : final_path_(std::move(final_path)), before_rename_(std::move(options.before_rename)) {
  const std::string& tag = options.tag;
  const std::string problem = "Cannot write " + final_path_.string();
  if (!final_path_.has_filename()) throw SystemError(problem, "the path names no file", "Give the name of a file.");
  if (tag.find('/') != std::string::npos) {
    throw SystemError(problem, "the tag " + tag + " holds a slash", "Use another tag.");
  }
  temporary_path_ = temporary_path_for(final_path_, tag);
  // Process numbers repeat after a restart in a container: the same name may be a leftover.
  if (::unlink(temporary_path_.c_str()) != 0 && errno != ENOENT) {
    throw_write_failure({.problem = problem, .file = temporary_path_, .code = errno});
  }
  make_empty_file(temporary_path_, problem);
}

AtomicFile::~AtomicFile() {
  // Nothing can be reported here, and a leftover is recognised by its name.
  if (!committed_) ::unlink(temporary_path_.c_str());
}

void AtomicFile::commit(const Check& check) {
  if (committed_) throw SystemError("Cannot commit " + final_path_.string(), "it was committed before", "Commit once.");
  sync_file(temporary_path_);
  if (check) check(temporary_path_);
  if (before_rename_) before_rename_();
  if (::rename(temporary_path_.c_str(), final_path_.c_str()) != 0) {
    const int code = errno;
    throw_write_failure({.problem = "Cannot rename " + temporary_path_.string() + " to " + final_path_.string(),
                         .file = temporary_path_,
                         .code = code});
  }
  committed_ = true;
  sync_folder(folder_of(final_path_));
}

void make_folders(const fs::path& folder) {
  std::error_code problem;
  if (folder.empty() || fs::is_directory(folder, problem)) return;
  const fs::path above = folder.parent_path();
  make_folders(above);
  if (::mkdir(folder.c_str(), 0777) != 0) {
    const std::error_code code(errno, std::generic_category());
    // Another process may have made it just now.
    if (code == std::errc::file_exists && fs::is_directory(folder, problem)) return;
    throw fs::filesystem_error("cannot make the folder", folder, code);
  }
  sync_folder(above.empty() ? fs::path(".") : above);
}

void require_writable(const fs::path& final_path) {
  std::error_code unknown;
  if (fs::is_directory(final_path, unknown)) {
    throw SystemError("Cannot write " + final_path.string(), "it is a folder", "Give the name of a file.");
  }
  const AtomicFile probe(final_path);
}

bool is_unfinished(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.starts_with(".") && name.find(unfinished_mark) != std::string::npos;
}

void remove_unfinished(const fs::path& final_path) {
  const std::string prefix = "." + final_path.filename().string() + unfinished_mark;
  std::vector<fs::path> unfinished;
  std::error_code problem;
  for (fs::directory_iterator entry(folder_of(final_path), problem), end; !problem && entry != end;
       entry.increment(problem)) {
    if (entry->path().filename().string().starts_with(prefix)) unfinished.push_back(entry->path());
  }
  for (const fs::path& file : unfinished) fs::remove(file, problem);
}

void write_text_atomically(const fs::path& path, std::string_view text, const WriteOptions& options) {
  AtomicFile file(path, options);
  const auto size = static_cast<std::int64_t>(text.size());
  WriteDescriptor descriptor(O_WRONLY,
                             {.problem = "Cannot write the " + std::to_string(size) + " bytes of " + path.string(),
                              .file = file.path(),
                              .needed = size});
  descriptor.write(std::as_bytes(std::span(text)));
  descriptor.close();
  file.commit();
}

}  // namespace datus
