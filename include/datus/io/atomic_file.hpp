// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace datus {

/// Who writes, and whether it still may.
struct WriteOptions {
  /// Names the writer in temporary files, for example job, restart and rank ("4711.0-r3"); no slash.
  std::string tag = {};
  /// Called right before a file gets its final name; throws when this process must not write any more.
  std::function<void()> before_rename = {};
};

/// A file that appears under its final name only when it is complete, checked and on disk; whoever reads the final name
/// never sees a half-written file, whenever the process was killed.
///
/// Write to `path()`, close the file, then call `commit`. The temporary file is `.NAME.tmp-TAG-PID` in the folder of
/// the final path (a rename is atomic within one file system only), so that what a killed process left behind can be
/// told apart and removed. Two live writers of one process with the same final path and tag would share a temporary
/// file, so give them different tags. With the disk full, errors name the bytes needed and free
/// (`throw_write_failure`).
class AtomicFile {
 public:
  /// A check of the finished temporary file; it throws to refuse it.
  using Check = std::function<void(const std::filesystem::path&)>;

  /// Makes the empty temporary file, replacing a leftover of the same name. Throws `SystemError` naming the path when
  /// the folder does not exist or cannot be written to.
  explicit AtomicFile(std::filesystem::path final_path, WriteOptions options = {});
  /// Removes the temporary file unless it was committed.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  AtomicFile(AtomicFile&&) = delete;
  AtomicFile& operator=(AtomicFile&&) = delete;

  /// The temporary path to write to.
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return temporary_path_; }
  [[nodiscard]] const std::filesystem::path& final_path() const noexcept { return final_path_; }

  /// Syncs the temporary file, runs `check` on it, asks `before_rename`, renames it to the final path (replacing what
  /// was there) and syncs the folder. Throws `SystemError` naming the path, or what `check` and `before_rename` throw;
  /// the final path is then unchanged, unless the last step, the sync of the folder, is what failed.
  void commit(const Check& check = {});

 private:
  std::filesystem::path final_path_;
  std::filesystem::path temporary_path_;
  std::function<void()> before_rename_;
  bool committed_ = false;
};

/// Makes a folder and those above it, each brought to disk in the one above: a power cut leaves no file that is synced
/// itself without its folder. One that is there stays. Throws `std::filesystem::filesystem_error` with the folder that
/// cannot be made, `SystemError` when it cannot be brought to disk.
void make_folders(const std::filesystem::path& folder);

/// Throws `SystemError` naming the path when an `AtomicFile` could not get it: it is a folder, or lies in one that does
/// not exist or cannot be written to. To be called before the work whose result is written there.
void require_writable(const std::filesystem::path& final_path);

/// Whether a path is, by its name, a temporary file of an `AtomicFile`.
[[nodiscard]] bool is_unfinished(const std::filesystem::path& path);

/// Removes what writers of `final_path` that were killed left behind, where that can be done. Not while another one
/// writes.
void remove_unfinished(const std::filesystem::path& final_path);

/// Writes `text` to `path` through an `AtomicFile`. Throws `SystemError` naming the path.
void write_text_atomically(const std::filesystem::path& path, std::string_view text, const WriteOptions& options = {});

}  // namespace datus
