#include "pipeline/session/shard_queue.hpp"

#include "datus/core/error.hpp"

#include <cerrno>
#include <string>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// Among the claims, which are numbers.
constexpr const char* stop_file = "stop";

}  // namespace

ShardQueue::ShardQueue(fs::path folder, std::vector<ShardIndex> pending, Communicator& comm,
                       std::function<bool()> stop_requested)
    : folder_(std::move(folder)),
      pending_(std::move(pending)),
      comm_(comm),
      stop_requested_(std::move(stop_requested)) {
  start_ = pending_.size() * static_cast<std::size_t>(comm.rank()) / static_cast<std::size_t>(comm.size());
  on_root(comm_, [this] {
    std::error_code error;
    fs::remove_all(folder_, error);
    if (comm_.size() > 1 && !fs::create_directories(folder_, error) && error) {
      throw SystemError("Cannot create " + folder_.string(), error.message(),
                        "Check that the run directory is writable.");
    }
  });
}

void ShardQueue::finish() {
  comm_.barrier();
  on_root(comm_, [this] {
    std::error_code error;
    fs::remove_all(folder_, error);
  });
}

std::optional<ShardIndex> ShardQueue::claim() {
  if (must_stop()) return std::nullopt;
  while (visited_ < pending_.size()) {
    const ShardIndex shard = visit(visited_++);
    if (!take(shard)) continue;
    ++own_;
    return shard;
  }
  return std::nullopt;
}

std::optional<ShardIndex> ShardQueue::peek() const {
  for (std::size_t position = visited_; position < pending_.size(); ++position) {
    const ShardIndex shard = visit(position);
    std::error_code error;
    if (comm_.size() == 1 || !fs::exists(folder_ / std::to_string(shard.value), error)) return shard;
  }
  return std::nullopt;
}

std::int64_t ShardQueue::finished_elsewhere() const {
  const std::int64_t others = comm_.size() - 1;
  return others == 0 ? 0 : std::max<std::int64_t>(claimed() - own_ - others, 0);
}

std::int64_t ShardQueue::claimed() const {
  if (comm_.size() == 1) return static_cast<std::int64_t>(visited_);
  std::int64_t count = 0;
  std::error_code error;
  for (fs::directory_iterator file(folder_, error), end; !error && file != end; file.increment(error)) {
    if (file->path().filename() != stop_file) ++count;
  }
  return count;
}

bool ShardQueue::must_stop() const {
  const bool requested = stop_requested_ && stop_requested_();
  if (comm_.size() == 1) return requested;
  if (requested) (void)make_file(stop_file);
  std::error_code error;
  return requested || fs::exists(folder_ / stop_file, error);
}

bool ShardQueue::take(ShardIndex shard) const {
  return comm_.size() == 1 || make_file(std::to_string(shard.value));
}

/// Whether this rank is the one that made the file.
bool ShardQueue::make_file(const std::string& name) const {
  const fs::path path = folder_ / name;
  const int descriptor = ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
  if (descriptor >= 0) {
    if (::close(descriptor) == 0) return true;
  } else if (errno == EEXIST) {
    return false;
  }
  throw SystemError("Cannot make the claim " + path.string(), errno_text(errno),
                    "Check that the run directory is writable and that its disk is not full; then run again.");
}

}  // namespace datus
