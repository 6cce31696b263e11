// SPDX-License-Identifier: Apache-2.0
#include "pipeline/session/lock_file.hpp"

#include "datus/core/error.hpp"
#include "datus/core/hash.hpp"
#include "datus/io/atomic_file.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace datus::lock_detail {
namespace {

namespace fs = std::filesystem;

/// No lock is longer; of a longer file the rest does not matter.
constexpr std::size_t longest_text = 4096;

[[noreturn]] void fail(std::string_view what, const fs::path& path, int code) {
  throw SystemError(std::string(what) + " " + path.string(), errno_text(code),
                    code == ENOSPC || code == EDQUOT ? "Free some space and run again."
                                                     : "Check the folder, its permissions and the file system.");
}

/// Calls `call` again when a signal interrupted it.
template <class Call>
auto retry(const Call& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

/// An open file, or none; the reason is then in errno.
class OpenFile {
 public:
  OpenFile(const fs::path& path, int flags)
      : value_(retry([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0666); })) {}
  ~OpenFile() {
    if (value_ >= 0) ::close(value_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  OpenFile(OpenFile&&) = delete;
  OpenFile& operator=(OpenFile&&) = delete;

  explicit operator bool() const noexcept { return value_ >= 0; }
  [[nodiscard]] int get() const noexcept { return value_; }
  /// Closes with the status checked: on network file systems a write error may show up only here.
  [[nodiscard]] bool close() noexcept { return ::close(std::exchange(value_, -1)) == 0 || errno == EINTR; }

 private:
  int value_;
};

/// Content and time of an open file; none, with the reason in errno, when it cannot be read.
std::optional<Sighting> sighting_of(const OpenFile& file) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return std::nullopt;
  if (!S_ISREG(status.st_mode)) {
    errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
    return std::nullopt;
  }
  Sighting sighting{{}, {status.st_mtim.tv_sec, status.st_mtim.tv_nsec}};
  std::array<char, longest_text> buffer{};
  while (sighting.text.size() < longest_text) {
    const auto got = retry([&] { return ::read(file.get(), buffer.data(), buffer.size()); });
    if (got < 0) return std::nullopt;
    if (got == 0) break;
    sighting.text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return sighting;
}

/// Opens `path` and gives the file and what it holds to `use`. Nothing happens when there is no such file.
template <class Use>
void with_file(const fs::path& path, const Use& use) {
  // A file that was replaced after its name was looked up is stale on NFS: the next try finds the new one.
  constexpr int tries = 5;
  int reason = ESTALE;
  for (int i = 0; i < tries && reason == ESTALE; ++i) {
    // Opening makes NFS ask the server anew, where stat() may answer from memory. A pipe must not block, and a link
    // could lead out of the run.
    const OpenFile file(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    if (!file && errno == ENOENT) return;
    const auto sighting = file ? sighting_of(file) : std::nullopt;
    if (sighting) return use(file, *sighting);
    reason = errno;
  }
  fail("Cannot read the lock", path, reason);
}

bool write_all(const OpenFile& file, std::string_view text) {
  while (!text.empty()) {
    const auto written = retry([&] { return ::write(file.get(), text.data(), text.size()); });
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return retry([&] { return ::fsync(file.get()); }) == 0;
}

/// Thrown through `AtomicFile` to keep it from renaming; never leaves this file.
struct LockChanged {};

}  // namespace

std::chrono::duration<double> between(const ServerTime& earlier, const ServerTime& later) noexcept {
  // In floating point: a file can bear any date, and differences of such dates overflow.
  return std::chrono::duration<double>(static_cast<double>(later.seconds) - static_cast<double>(earlier.seconds) +
                                       1e-9 * static_cast<double>(later.nanoseconds - earlier.nanoseconds));
}

LockFile::LockFile(fs::path path) : path_(std::move(path)) {}

std::optional<Sighting> LockFile::look() const {
  std::optional<Sighting> found;
  with_file(path_, [&](const OpenFile&, const Sighting& sighting) { found = sighting; });
  return found;
}

bool LockFile::holds(const std::string& text) const {
  const auto found = look();
  return found && found->text == text;
}

bool LockFile::create(const std::string& text) const {
  OpenFile file(path_, O_WRONLY | O_CREAT | O_EXCL);
  if (!file && errno == EEXIST) return false;
  if (!file) fail("Cannot make the lock", path_, errno);
  if (!write_all(file, text) || !file.close()) {
    const int reason = errno;
    ::unlink(path_.c_str());  // otherwise the next job would wait for whoever made this empty file
    fail("Cannot write the lock", path_, reason);
  }
  return true;
}

bool LockFile::replace(const Sighting& seen, bool unless_modified, const std::string& text) const {
  WriteOptions options;
  options.tag = Hasher().add(text).finish().hex();  // job and PID may be the same on another machine
  options.before_rename = [&] {
    const auto now = look();
    if (!now || now->text != seen.text || (unless_modified && now->modified != seen.modified)) throw LockChanged();
  };
  try {
    write_text_atomically(path_, text, options);
  } catch (const LockChanged&) {
    return false;
  }
  return true;
}

void LockFile::touch(const std::string& text) const {
  with_file(path_, [&](const OpenFile& file, const Sighting& sighting) {
    // Through the open file, so that a lock that took this one's place meanwhile is not touched. No time given means
    // the server's present.
    if (sighting.text == text && ::futimens(file.get(), nullptr) != 0) fail("Cannot touch the lock", path_, errno);
  });
}

void LockFile::remove(const std::string& text) const {
  if (holds(text) && ::unlink(path_.c_str()) != 0 && errno != ENOENT) fail("Cannot remove the lock", path_, errno);
}

ServerTime LockFile::server_now(const std::string& name) const {
  const AtomicFile probe(path_, {.tag = Hasher().add("server time").add(name).finish().hex(), .before_rename = {}});
  const OpenFile file(probe.path(), O_RDONLY);
  if (!file || ::futimens(file.get(), nullptr) != 0) fail("Cannot set the time of", probe.path(), errno);
  const auto sighting = sighting_of(file);
  if (!sighting) fail("Cannot read", probe.path(), errno);
  return sighting->modified;
}

}  // namespace datus::lock_detail
