#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

namespace datus {

/// A file that appears under its final name only when it is complete, checked and on disk; whoever reads the final name
/// never sees a half-written file, whenever the process was killed.
///
/// Write to `path()`, close the file, then call `commit`. The temporary file is `.NAME.tmp-TAG-PID` in the folder of
/// the final path (a rename is atomic within one file system only), so that what a killed process left behind can be
/// told apart and removed. The tag names the writer, for example job, restart and rank; two live writers of one process
/// with the same final path and tag would share a temporary file, so give them different tags.
class AtomicFile {
 public:
  /// A check of the finished temporary file; it throws to refuse it.
  using Check = std::function<void(const std::filesystem::path&)>;

  /// Makes the empty temporary file, replacing a leftover of the same name. Throws `SystemError` naming the path when
  /// the folder does not exist or cannot be written to.
  explicit AtomicFile(std::filesystem::path final_path, std::string_view tag = "");
  /// Removes the temporary file unless it was committed.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  AtomicFile(AtomicFile&&) = delete;
  AtomicFile& operator=(AtomicFile&&) = delete;

  /// The temporary path to write to.
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return temporary_path_; }
  [[nodiscard]] const std::filesystem::path& final_path() const noexcept { return final_path_; }

  /// Syncs the temporary file, runs `check` on it, renames it to the final path (replacing what was there) and syncs
  /// the folder. Throws `SystemError` naming the path, or what `check` throws; the final path is then unchanged, unless
  /// the last step, the sync of the folder, is what failed.
  void commit(const Check& check = {});

 private:
  std::filesystem::path final_path_;
  std::filesystem::path temporary_path_;
  bool committed_ = false;
};

/// Removes what writers of `final_path` that were killed left behind, where that can be done. Not while another one
/// writes.
void remove_unfinished(const std::filesystem::path& final_path);

/// Writes `text` to `path` through an `AtomicFile`. Throws `SystemError` naming the path; with the disk full it says
/// how many bytes were wanted.
void write_text_atomically(const std::filesystem::path& path, std::string_view text, std::string_view tag = "");

}  // namespace datus
