// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace datus::lock_detail {

/// A modification time as the file server gave it. Only comparable with others of the same server, never with a clock
/// of this machine.
struct ServerTime {
  std::int64_t seconds = 0;
  std::int64_t nanoseconds = 0;
  friend bool operator==(const ServerTime&, const ServerTime&) = default;
};

/// Time from `earlier` to `later`, negative when they are the other way round.
[[nodiscard]] std::chrono::duration<double> between(const ServerTime& earlier, const ServerTime& later) noexcept;

/// What one look at the file found.
struct Sighting {
  std::string text;
  ServerTime modified;
};

/// The file of a lock: a text that names the holder, and a modification time that says when the holder was last seen.
/// All functions throw `SystemError` naming the file when the file system fails. Safe to use from several threads.
class LockFile {
 public:
  explicit LockFile(std::filesystem::path path);
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  /// The file as it is now on the server; none when there is none.
  [[nodiscard]] std::optional<Sighting> look() const;
  /// Whether the file is there and holds `text`.
  [[nodiscard]] bool holds(const std::string& text) const;

  /// Makes the file with `text` on disk. False, with nothing done, when there is one already.
  [[nodiscard]] bool create(const std::string& text) const;
  /// Puts a file with `text` in the place of the one that was `seen`. False, with nothing done, when that one has
  /// changed since: another text or none, and with `unless_modified` also another modification time. What another
  /// process does between the last look and the rename that follows at once cannot be seen.
  [[nodiscard]] bool replace(const Sighting& seen, bool unless_modified, const std::string& text) const;

  /// Sets the modification time to the server's present if the file holds `text`.
  void touch(const std::string& text) const;
  /// Removes the file if it holds `text`.
  void remove(const std::string& text) const;

  /// The server's present: the modification time of a file made for the purpose in the same folder. `name` tells it
  /// from those of other processes.
  [[nodiscard]] ServerTime server_now(const std::string& name) const;

 private:
  std::filesystem::path path_;
};

}  // namespace datus::lock_detail
