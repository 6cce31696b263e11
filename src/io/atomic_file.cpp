#include "datus/io/atomic_file.hpp"

#include "datus/core/error.hpp"
#include "datus/core/hash.hpp"

#include <cerrno>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// Longest file name that Linux file systems take, in bytes.
constexpr std::size_t longest_name = 255;

[[noreturn]] void fail(const std::string& problem, int code) {
  std::string advice = "Check the path and its permissions.";
  if (code == ENOSPC || code == EDQUOT) advice = "Free some space, or use another folder, and run again.";
  if (code == EIO) advice = "Check the disk or the file server.";
  throw SystemError(problem, errno_text(code), advice);
}

/// Calls `call` again when a signal interrupted it; signals are how a job learns that it must stop.
template <class Call>
auto retry(const Call& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags, const std::string& problem)
      : value_(retry([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0666); })) {
    if (value_ < 0) fail(problem, errno);
  }
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&&) = delete;
  Descriptor& operator=(Descriptor&&) = delete;

  [[nodiscard]] int get() const noexcept { return value_; }

  /// Closes with the status checked: on network file systems a write error may show up only here.
  void close(const std::string& problem) {
    if (::close(std::exchange(value_, -1)) != 0 && errno != EINTR) fail(problem, errno);
  }

 private:
  int value_;
};

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

fs::path temporary_path_for(const fs::path& final_path, std::string_view tag) {
  const std::string name = final_path.filename().string();
  std::string suffix = ".tmp-";
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

void sync_file(const fs::path& path) {
  const std::string problem = "Cannot bring " + path.string() + " to disk";
  Descriptor file(path, O_WRONLY, problem);
  if (retry([&] { return ::fsync(file.get()); }) != 0) fail(problem, errno);
  file.close(problem);
}

void sync_folder(const fs::path& folder) {
  const std::string problem = "Cannot bring the folder " + folder.string() + " to disk";
  Descriptor file(folder, O_RDONLY | O_DIRECTORY, problem);
  // Some network file systems have no sync of a folder and say EINVAL: their renames are the server's business.
  if (retry([&] { return ::fsync(file.get()); }) != 0 && errno != EINVAL) fail(problem, errno);
}

}  // namespace

AtomicFile::AtomicFile(fs::path final_path, std::string_view tag) : final_path_(std::move(final_path)) {
  const std::string problem = "Cannot write " + final_path_.string();
  if (!final_path_.has_filename()) throw SystemError(problem, "the path names no file", "Give the name of a file.");
  if (tag.find('/') != std::string_view::npos) {
    throw SystemError(problem, "the tag " + std::string(tag) + " holds a slash", "Use another tag.");
  }
  temporary_path_ = temporary_path_for(final_path_, tag);
  // Process numbers repeat after a restart in a container: the same name may be a leftover.
  if (::unlink(temporary_path_.c_str()) != 0 && errno != ENOENT) fail(problem, errno);
  Descriptor file(temporary_path_, O_WRONLY | O_CREAT | O_EXCL, problem);
  file.close(problem);
}

AtomicFile::~AtomicFile() {
  // Nothing can be reported here, and a leftover is recognised by its name.
  if (!committed_) ::unlink(temporary_path_.c_str());
}

void AtomicFile::commit(const Check& check) {
  if (committed_) throw SystemError("Cannot commit " + final_path_.string(), "it was committed before", "Commit once.");
  sync_file(temporary_path_);
  if (check) check(temporary_path_);
  if (::rename(temporary_path_.c_str(), final_path_.c_str()) != 0) {
    fail("Cannot rename " + temporary_path_.string() + " to " + final_path_.string(), errno);
  }
  committed_ = true;
  sync_folder(folder_of(final_path_));
}

void remove_unfinished(const fs::path& final_path) {
  const std::string prefix = "." + final_path.filename().string() + ".tmp-";
  std::vector<fs::path> unfinished;
  std::error_code problem;
  for (fs::directory_iterator entry(folder_of(final_path), problem), end; !problem && entry != end;
       entry.increment(problem)) {
    if (entry->path().filename().string().starts_with(prefix)) unfinished.push_back(entry->path());
  }
  for (const fs::path& file : unfinished) fs::remove(file, problem);
}

void write_text_atomically(const fs::path& path, std::string_view text, std::string_view tag) {
  AtomicFile file(path, tag);
  const std::string problem = "Cannot write the " + std::to_string(text.size()) + " bytes of " + path.string();
  Descriptor descriptor(file.path(), O_WRONLY, problem);
  for (std::size_t done = 0; done < text.size();) {
    const auto written = retry([&] { return ::write(descriptor.get(), text.data() + done, text.size() - done); });
    if (written < 0) fail(problem, errno);
    done += static_cast<std::size_t>(written);
  }
  descriptor.close(problem);
  file.commit();
}

}  // namespace datus
