// SPDX-License-Identifier: Apache-2.0
// Shards that are written at a time: so many and no more, each file as one writer makes it, the log in order.

#include "pipeline/shards/shard_writers.hpp"

#include "datus/comm/self_communicator.hpp"
#include "shard_samples.hpp"
#include "support/errors.hpp"
#include "support/temp_folder.hpp"

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace datus {
namespace shard_writers_test {

/// Holds files back that are brought to disk.
class Disk {
 public:
  /// From now on each waits until `count` do, or for ten seconds.
  void wait_for(int count) {
    const std::scoped_lock lock(mutex_);
    wanted_ = count;
    waiting_ = most_ = files_ = 0;
  }
  /// The file with this number fails; 0: none does.
  void fail(int number) {
    const std::scoped_lock lock(mutex_);
    failing_ = number;
    files_ = 0;
  }
  [[nodiscard]] int most() {
    const std::scoped_lock lock(mutex_);
    return most_;
  }

  bool sync() {
    std::unique_lock lock(mutex_);
    const int number = ++files_;
    most_ = std::max(most_, ++waiting_);
    changed_.notify_all();
    if (wanted_ > 1) {
      changed_.wait_for(lock, std::chrono::seconds(10), [&] { return most_ >= wanted_; });
      // Long enough for one more that does not wait for its turn.
      lock.unlock();
      ::usleep(2000);
      lock.lock();
    }
    --waiting_;
    return number != failing_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int wanted_ = 0;
  int waiting_ = 0;
  int most_ = 0;
  int files_ = 0;
  int failing_ = 0;
};
Disk disk;

}  // namespace shard_writers_test
}  // namespace datus

// In place of the C library's.
extern "C" int fsync(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) && !datus::shard_writers_test::disk.sync()) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fsync, descriptor));
}

namespace datus {
namespace shard_writers_test {

using test::bytes_of;
using test::TempFolder;

constexpr int shards = 12;

class ShardWriting : public testing::Test {
 protected:
  ShardWriting() { std::filesystem::create_directories(folder_ / "run" / "keys"); }
  ~ShardWriting() override {
    disk.wait_for(0);
    disk.fail(0);
  }

  /// A run on a GPU, or not, and so many threads.
  [[nodiscard]] RunContext context(bool has_gpu, int threads) {
    RunInputs inputs;
    inputs.backend = "cpu";
    ModelPlacement placement;
    if (has_gpu) placement.gpu = 0;
    return {.config = config_,
            .directory = RunDirectory(folder_ / "run"),
            .comm = comm_,
            .dataset = nullptr,
            .list = {},
            .provenance = Provenance(config_, std::move(inputs)),
            .fitted = {},
            .threads = threads,
            .placement = placement,
            .job = {},
            .signals = {},
            .lock = {},
            .events = EventLog(log())};
  }
  [[nodiscard]] std::filesystem::path log() const { return folder_ / "log.jsonl"; }
  [[nodiscard]] std::filesystem::path file(const RunContext& run, int shard) const {
    return run.directory.keys({shard});
  }

  static ShardProducts products(int shard) {
    ShardProducts made;
    made.shard = {shard};
    made.stale.set(Stage::extract, true);
    made.keys = test::sample_keys(3, shard, false);
    return made;
  }

  void write_all(const RunContext& run, ShardTally& tally) {
    ShardWriters writers(run, tally);
    for (int i = 0; i < shards; ++i) writers.push(products(i));
    writers.flush();
  }

  /// Numbers of the shards that the log says are written.
  [[nodiscard]] std::vector<int> logged() const {
    std::vector<int> numbers;
    std::ifstream lines(log());
    for (std::string line; std::getline(lines, line);) {
      const auto event = nlohmann::json::parse(line);
      if (event.at("event") == "written") numbers.push_back(event.at("shard").get<int>());
    }
    return numbers;
  }

  TempFolder folder_;
  Config config_;
  SelfCommunicator comm_;
};

TEST_F(ShardWriting, HowManyAtATime) {
  for (const int threads : {1, 2, 16, 64}) EXPECT_EQ(shard_writers(false, threads), 1);
  EXPECT_EQ(shard_writers(true, 1), 1);
  EXPECT_EQ(shard_writers(true, 7), 1);
  EXPECT_EQ(shard_writers(true, 8), 2);
  EXPECT_EQ(shard_writers(true, 15), 3);
  EXPECT_EQ(shard_writers(true, 16), 4);
  EXPECT_EQ(shard_writers(true, 128), 4);
}

TEST_F(ShardWriting, SeveralAreInFlightAndNoMore) {
  std::vector<std::string> expected;
  std::int64_t bytes = 0;
  {
    const RunContext run = context(false, 16);
    disk.wait_for(1);
    ShardTally tally;
    write_all(run, tally);
    EXPECT_EQ(disk.most(), 1);
    for (int i = 0; i < shards; ++i) expected.push_back(bytes_of(file(run, i)));
    bytes = tally.works().at(static_cast<std::size_t>(Stage::extract)).bytes;
  }
  for (const int threads : {8, 16}) {
    std::filesystem::remove(log());
    const RunContext run = context(true, threads);
    disk.wait_for(threads / 4);
    ShardTally tally;
    write_all(run, tally);
    EXPECT_EQ(disk.most(), threads / 4);
    EXPECT_EQ(tally.works().at(static_cast<std::size_t>(Stage::extract)).bytes, bytes);
    std::vector<int> order;
    for (int i = 0; i < shards; ++i) {
      EXPECT_TRUE(bytes_of(file(run, i)) == expected[static_cast<std::size_t>(i)]) << i;
      order.push_back(i);
    }
    EXPECT_EQ(logged(), order);
  }
}

TEST_F(ShardWriting, AShardThatCannotBeWrittenIsToldAndLeavesNothingBehind) {
  const RunContext run = context(true, 16);
  disk.fail(3);
  ShardTally tally;
  test::expect_error<SystemError>([&] { write_all(run, tally); }, {"/keys/", "(Input/output error)"});
  // Whole or not there, and in the log when they are there.
  std::vector<int> there;
  for (int i = 0; i < shards; ++i) {
    if (!std::filesystem::exists(file(run, i))) continue;
    EXPECT_NO_THROW(require_verified(file(run, i)));
    there.push_back(i);
  }
  EXPECT_LT(there.size(), static_cast<std::size_t>(shards));
  EXPECT_EQ(logged(), there);
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "run" / "keys")) files += entry.exists();
  EXPECT_EQ(files, there.size()) << "an unfinished file stayed behind";
}

}  // namespace shard_writers_test
}  // namespace datus
