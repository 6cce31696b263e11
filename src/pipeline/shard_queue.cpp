#include "datus/pipeline/shard_queue.hpp"

#include "datus/core/error.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace datus {
namespace fs = std::filesystem;

ShardQueue::ShardQueue(fs::path folder, std::vector<ShardIndex> pending, Communicator& comm)
    : folder_(std::move(folder)), pending_(std::move(pending)), comm_(comm) {
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
  while (visited_ < pending_.size()) {
    const ShardIndex shard = pending_[(start_ + visited_++) % pending_.size()];
    if (take(shard)) return shard;
  }
  return std::nullopt;
}

std::int64_t ShardQueue::claimed() const {
  if (comm_.size() == 1) return static_cast<std::int64_t>(visited_);
  std::int64_t count = 0;
  std::error_code error;
  for (fs::directory_iterator file(folder_, error), end; !error && file != end; file.increment(error)) ++count;
  return count;
}

bool ShardQueue::take(ShardIndex shard) const {
  if (comm_.size() == 1) return true;
  const fs::path path = folder_ / std::to_string(shard.value);
  const int descriptor = ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
  if (descriptor >= 0) {
    if (::close(descriptor) != 0) {
      throw SystemError("Cannot claim shard " + std::to_string(shard.value) + " at " + path.string(), errno_text(errno),
                        "Check the file system of the run directory.");
    }
    return true;
  }
  if (errno == EEXIST) return false;
  throw SystemError("Cannot claim shard " + std::to_string(shard.value) + " at " + path.string(), errno_text(errno),
                    "Check that the run directory is writable.");
}

}  // namespace datus
