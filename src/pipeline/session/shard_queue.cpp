// SPDX-License-Identifier: Apache-2.0
#include "pipeline/session/shard_queue.hpp"

#include "datus/core/error.hpp"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <set>
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
                       std::function<bool()> stop_requested, std::function<void()> before_claim)
    : folder_(std::move(folder)),
      pending_(std::move(pending)),
      comm_(comm),
      stop_requested_(std::move(stop_requested)),
      before_claim_(std::move(before_claim)) {
  start_ = pending_.size() * static_cast<std::size_t>(comm.rank()) / static_cast<std::size_t>(comm.size());
  on_root(comm_, [this] {
    // A job that has lost its run leaves no folder in it.
    if (before_claim_) before_claim_();
    std::error_code error;
    fs::remove_all(folder_, error);
    if (comm_.size() > 1 && !fs::create_directories(folder_, error) && error) {
      throw SystemError("Cannot create " + folder_.string(), error.message(),
                        "Check that the run directory is writable.");
    }
  });
}

std::vector<ShardIndex> ShardQueue::finish() {
  const bool stopped = largest_of_ranks<std::int64_t>(comm_, must_stop() ? 1 : 0) != 0;
  const auto taken = allgather_values(comm_, taken_);
  on_root(comm_, [this] {
    std::error_code error;
    fs::remove_all(folder_, error);
  });
  std::vector<ShardIndex> left;
  if (stopped) return left;
  const std::set<std::int64_t> done(taken.begin(), taken.end());
  std::ranges::copy_if(pending_, std::back_inserter(left),
                       [&](ShardIndex shard) { return !done.contains(shard.value); });
  return left;
}

std::optional<ShardIndex> ShardQueue::claim() {
  if (must_stop()) return std::nullopt;
  if (before_claim_ && visited_ < pending_.size()) before_claim_();
  while (visited_ < pending_.size()) {
    const ShardIndex shard = visit(visited_++);
    if (!take(shard)) continue;
    taken_.push_back(shard.value);
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
  const auto create = [&] { return ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666); };
  int descriptor = create();
  if (descriptor < 0 && errno == ENOENT) {
    // A job that had the run before this one has cleared away what it took for its own; or one that has it now has.
    if (before_claim_) before_claim_();
    std::error_code ignored;
    fs::create_directories(folder_, ignored);
    descriptor = create();
  }
  if (descriptor >= 0) {
    if (::close(descriptor) == 0) return true;
  } else if (errno == EEXIST) {
    return false;
  }
  throw SystemError("Cannot make the claim " + path.string(), errno_text(errno),
                    "Check that the run directory is writable and that its disk is not full; then run again.");
}

}  // namespace datus
