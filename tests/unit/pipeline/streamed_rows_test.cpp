// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/cluster/streamed_rows.hpp"

#include "datus/comm/self_communicator.hpp"
#include "datus/core/half.hpp"
#include "datus/core/philox.hpp"
#include "datus/io/hdf5_writer.hpp"
#include "pipeline/stages/cluster/memory_budget.hpp"
#include "support/temp_folder.hpp"
#include "support/thread_communicator.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

// Rows that stream from files against the same rows in memory.
namespace datus::test {
namespace streamed_rows_test {

namespace fs = std::filesystem;

/// A number below `bound`, of a stream of its own for each test.
class Draws {
 public:
  explicit Draws(std::uint32_t stream) : stream_(stream) {}
  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(philox({next_++, stream_, 0, 0}, {7, 0})[0]) % bound;
  }

 private:
  std::uint32_t stream_;
  std::uint32_t next_ = 0;
};

/// [rows, dim] values that f16 holds, each row different from all others.
std::vector<float> matrix(std::int64_t rows, int dim) {
  std::vector<float> values;
  for (std::int64_t row = 0; row < rows; ++row) {
    for (int column = 0; column < dim; ++column) {
      values.push_back(static_cast<float>((row * 7 + column * 3) % 1999) / 8.0F);
    }
  }
  return values;
}

template <class T>
std::vector<T> converted(std::span<const float> values) {
  std::vector<T> result;
  for (const float value : values) {
    if constexpr (std::same_as<T, half>) {
      result.push_back(to_half(value));
    } else {
      result.push_back(static_cast<T>(value));
    }
  }
  return result;
}

/// Writes the rows [begin, begin + count) of a matrix as /x.
template <class T = float>
RowPlace write_part(const fs::path& path, const std::vector<float>& all, int dim, std::int64_t begin,
                    std::int64_t count) {
  Hdf5Writer writer(path);
  const auto part =
      std::span(all).subspan(static_cast<std::size_t>(begin * dim), static_cast<std::size_t>(count * dim));
  writer.write<T>("x", converted<T>(part), {count, dim}, ChunkHint::about_one_mib);
  writer.close();
  return {path, "/x", true};
}

std::shared_ptr<const RowSources> open_alone(const std::vector<RowPlace>& places) {
  SelfCommunicator comm;
  return std::make_shared<const RowSources>(open_row_sources(places, comm));
}

/// What a visit handed out: for each local row what came for it, and by which workers.
struct Seen {
  std::vector<float> values;
  std::vector<int> times;
};

Seen visit(const KMeansRows& rows, const std::vector<RowRange>& ranges, int threads) {
  const auto dim = static_cast<std::size_t>(rows.dim());
  Seen seen{std::vector<float>(static_cast<std::size_t>(rows.count()) * dim, -1.0F),
            std::vector<int>(static_cast<std::size_t>(rows.count()), 0)};
  std::vector<std::atomic<int>> inside(static_cast<std::size_t>(threads));
  std::atomic<bool> fits = true;
  rows.visit(ranges, threads, [&](std::size_t worker, const RowBlock& block) {
    if (worker >= inside.size() || ++inside[worker] != 1) fits = false;
    const auto count = static_cast<std::size_t>(block.count);
    const auto first = static_cast<std::size_t>(block.first);
    float* const to = seen.values.data() + first * dim;
    for (std::size_t i = 0; i < count * dim; ++i) {
      to[i] = block.precise != nullptr ? static_cast<float>(block.precise[i]) : block.values[i];
    }
    for (std::size_t row = first; row < first + count; ++row) ++seen.times[row];
    --inside[worker];
  });
  EXPECT_TRUE(fits) << "a worker's number is too large, or calls with the same one overlap";
  return seen;
}

/// Disjoint ranges in any order: none, single rows, neighbours, long ones, empty ones.
std::vector<RowRange> any_ranges(std::int64_t rows, Draws& draws) {
  std::vector<RowRange> ranges;
  const std::int64_t longest = 1 + draws.below(draws.below(2) == 0 ? 5 : rows + 1);
  for (std::int64_t row = 0; row < rows;) {
    const std::int64_t count = std::min(draws.below(longest + 1), rows - row);
    if (draws.below(3) > 0) ranges.push_back({row, count});
    row += count + (draws.below(2) == 0 ? 0 : 1 + draws.below(longest));
  }
  for (std::size_t i = ranges.size(); i > 1; --i) {
    std::swap(ranges[i - 1], ranges[static_cast<std::size_t>(draws.below(static_cast<std::int64_t>(i)))]);
  }
  return ranges;
}

class Streamed : public testing::Test {
 protected:
  [[nodiscard]] fs::path file(const std::string& name) const { return folder_ / name; }
  /// Several files whose parts have other types and lengths; one has no rows.
  [[nodiscard]] std::vector<RowPlace> write_parts(const std::vector<float>& all, int dim) const {
    const std::int64_t rows = std::ssize(all) / dim;
    const std::int64_t a = rows / 3;
    const std::int64_t b = rows / 2;
    return {write_part<half>(file("f16.h5"), all, dim, 0, a), write_part(file("none.h5"), all, dim, a, 0),
            write_part<double>(file("f64.h5"), all, dim, a, 1), write_part(file("f32.h5"), all, dim, a + 1, b - a - 1),
            write_part<double>(file("rest.h5"), all, dim, b, rows - b)};
  }

 private:
  TempFolder folder_;
};

TEST_F(Streamed, PlansUseTheMemoryTheyAreGiven) {
  Draws draws(1);
  for (int i = 0; i < 2000; ++i) {
    const auto dim = static_cast<int>(1 + draws.below(i % 2 == 0 ? 100 : 1000000));
    const auto threads = static_cast<int>(1 + draws.below(16));
    const std::int64_t rows = draws.below(100000);
    const std::int64_t value = i % 3 == 0 ? 8 : 4;
    const std::int64_t row = value * dim;
    const std::int64_t smallest = smallest_stream_memory(dim, threads, value);
    const std::int64_t bytes = smallest + draws.below(std::int64_t{1} << 31U);
    const StreamPlan plan = plan_stream(bytes, rows, dim, threads, value);
    SCOPED_TRACE("dim " + std::to_string(dim) + ", rows " + std::to_string(rows) + ", bytes " + std::to_string(bytes));
    EXPECT_EQ(plan.buffers, threads + 2);
    EXPECT_GE(plan.buffer_rows, 1);
    EXPECT_LE(plan.buffer_rows * row, std::max(row, std::int64_t{1} << 20U));
    const std::int64_t of_buffers = plan.buffers * plan.buffer_rows * row;
    if (rows * row <= bytes) {
      EXPECT_EQ(plan.kept_rows, rows);
    } else {
      // What is left would not hold another row.
      EXPECT_LE(of_buffers + plan.kept_rows * row, bytes);
      EXPECT_GT(of_buffers + (plan.kept_rows + 1) * row, bytes);
    }
  }
  EXPECT_EQ(plan_stream(0, 10, 3, 1, 4).kept_rows, 0);
  EXPECT_EQ(plan_stream(12000, 1000, 3, 1, 4).kept_rows, 1000);
  EXPECT_EQ(plan_stream(11999, 1000, 3, 1, 4).kept_rows, 0);
}

TEST_F(Streamed, AnyRangesGiveTheSameValuesAsMemory) {
  Draws draws(2);
  for (const int dim : {1, 30, 3000}) {
    const std::int64_t rows = dim == 3000 ? 90 : 9000;
    const std::vector<float> all = matrix(rows, dim);
    const auto sources = open_alone(write_parts(all, dim));
    ASSERT_EQ(sources->rows, rows);
    const std::int64_t bytes = rows * dim * 4;
    for (const std::int64_t budget : {std::int64_t{0}, bytes / 3, bytes * 9 / 10, bytes, 2 * bytes + 10000000}) {
      for (const int threads : {1, 2, 3, 4}) {
        SCOPED_TRACE("dim " + std::to_string(dim) + ", budget " + std::to_string(budget) + ", " +
                     std::to_string(threads) + " threads");
        const std::int64_t begin = draws.below(rows / 2);
        const Share mine{begin, rows - draws.below(rows / 3)};
        const StreamedRows streamed(sources, mine, budget, threads);
        const auto values =
            std::span(all).subspan(static_cast<std::size_t>(begin * dim), static_cast<std::size_t>(mine.size() * dim));
        const MemoryRows memory(std::vector<float>(values.begin(), values.end()), dim, begin);
        ASSERT_EQ(streamed.first(), memory.first());
        ASSERT_EQ(streamed.count(), memory.count());
        ASSERT_EQ(streamed.dim(), dim);
        for (int pass = 0; pass < 4; ++pass) {
          std::vector<RowRange> ranges = {{0, mine.size()}};
          if (pass != 1) ranges = any_ranges(mine.size(), draws);
          const Seen expected = visit(memory, ranges, threads);
          const Seen seen = visit(streamed, ranges, threads);
          ASSERT_EQ(seen.times, expected.times) << "pass " << pass;
          ASSERT_TRUE(seen.values == expected.values) << "pass " << pass;
        }
      }
    }
  }
}

TEST_F(Streamed, VirtualDatasetsAreLikeTheirSources) {
  const std::vector<float> all = matrix(500, 5);
  write_part(file("a.h5"), all, 5, 0, 300);
  write_part(file("b.h5"), all, 5, 300, 200);
  Hdf5Writer writer(file("all.h5"));
  const std::vector<VirtualSource> parts = {{"a.h5", "/x", 300}, {"b.h5", "/x", 200}};
  writer.write_virtual("x", Dtype::f32, {5}, parts);
  writer.close();
  const StreamedRows rows(open_alone({{file("all.h5"), "/x"}}), {100, 450}, 0, 2);
  const Seen seen = visit(rows, {{0, 350}}, 2);
  EXPECT_TRUE(std::equal(seen.values.begin(), seen.values.end(), all.begin() + 500));
}

TEST_F(Streamed, RowsThatStayAreNotReadAgain) {
  const std::vector<float> all = matrix(30000, 16);
  const std::vector<RowPlace> places = {write_part(file("a.h5"), all, 16, 0, 20000),
                                        write_part(file("b.h5"), all, 16, 20000, 10000)};
  const auto sources = open_alone(places);
  const std::int64_t smallest = smallest_stream_memory(16, 2, 4);
  // The smallest buffers are as large a part as this budget gives them.
  const StreamedRows rows(sources, {0, 30000}, smallest + 25000 * 64, 2);
  ASSERT_GT(rows.plan().kept_rows, 20000);
  const std::int64_t kept = rows.plan().kept_rows;
  const Seen first = visit(rows, {{0, 30000}}, 2);
  // With the files gone only what stayed in memory can be had; the file that was read last may still be open.
  fs::remove(file("a.h5"));
  fs::remove(file("b.h5"));
  EXPECT_TRUE(visit(rows, {{0, kept}}, 2).values == [&] {
    Seen expected = first;
    std::fill(expected.values.begin() + kept * 16, expected.values.end(), -1.0F);
    return expected.values;
  }());
  const StreamedRows afresh(sources, {0, 30000}, smallest + 25000 * 64, 2);
  EXPECT_THROW((void)visit(afresh, {{0, 1}}, 1), InputError);
}

TEST_F(Streamed, WhatFitsOneBufferIsHandedOutInTheCaller) {
  const std::vector<float> all = matrix(5000, 16);
  const StreamedRows rows(open_alone({write_part(file("a.h5"), all, 16, 0, 5000)}), {0, 5000}, 0, 4);
  const std::vector<RowRange> scattered = {{4999, 1}, {7, 3}, {300, 16}, {100, 100}};
  rows.visit(scattered, 4, [caller = std::this_thread::get_id()](std::size_t worker, const RowBlock&) {
    EXPECT_EQ(worker, 0U);
    EXPECT_EQ(std::this_thread::get_id(), caller);
  });
}

TEST_F(Streamed, AFailingBodyEndsTheVisitAndLeavesTheRowsUsable) {
  const std::vector<float> all = matrix(60000, 16);
  const auto sources = open_alone({write_part(file("a.h5"), all, 16, 0, 60000)});
  for (const int threads : {1, 2, 4}) {
    for (const std::int64_t budget : {std::int64_t{0}, std::int64_t{2000000}}) {
      const StreamedRows rows(sources, {0, 60000}, budget, threads);
      for (const std::int64_t bad : {std::int64_t{0}, std::int64_t{20000}, std::int64_t{59999}}) {
        const std::vector<RowRange> whole = {{0, 60000}};
        const auto body = [&](std::size_t, const RowBlock& block) {
          if (block.first <= bad && bad < block.first + block.count) throw std::runtime_error("bad body");
        };
        EXPECT_THROW(rows.visit(whole, threads, body), std::runtime_error);
        const auto failing = [](std::size_t, const RowBlock&) { throw std::runtime_error("all bad"); };
        EXPECT_THROW(rows.visit(whole, threads, failing), std::runtime_error);
        EXPECT_TRUE(visit(rows, whole, threads).values == all);
      }
    }
  }
}

TEST_F(Streamed, AFailingReaderEndsTheVisitAndNamesTheFile) {
  const std::vector<float> all = matrix(60000, 16);
  const auto sources =
      open_alone({write_part(file("a.h5"), all, 16, 0, 30000), write_part(file("b.h5"), all, 16, 30000, 10000),
                  write_part(file("c.h5"), all, 16, 40000, 20000)});
  const std::vector<RowRange> whole = {{0, 60000}};
  for (const int threads : {1, 2, 4}) {
    for (const std::int64_t budget : {std::int64_t{0}, std::int64_t{2000000}}) {
      SCOPED_TRACE(std::to_string(threads) + " threads, budget " + std::to_string(budget));
      const StreamedRows rows(sources, {0, 60000}, budget, threads);
      fs::rename(file("b.h5"), file("away.h5"));
      const auto refused = [&](const std::string& words) {
        try {
          (void)visit(rows, whole, threads);
          ADD_FAILURE() << "no exception";
        } catch (const InputError& error) {
          EXPECT_NE(std::string(error.what()).find("b.h5"), std::string::npos) << error.what();
          EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
        }
      };
      refused("no such file");
      write_part(file("b.h5"), all, 16, 30000, 9999);
      refused("was changed");
      refused("[9999, 16]");
      fs::rename(file("away.h5"), file("b.h5"));
      EXPECT_TRUE(visit(rows, whole, threads).values == all);
    }
  }
}

TEST_F(Streamed, TheReaderWaitsForBuffers) {
  const std::vector<float> all = matrix(60000, 16);
  const StreamedRows rows(open_alone({write_part(file("a.h5"), all, 16, 0, 60000)}), {0, 60000}, 0, 2);
  std::mutex mutex;
  std::set<const float*> places;
  const std::vector<RowRange> whole = {{0, 60000}};
  rows.visit(whole, 2, [&](std::size_t, const RowBlock& block) {
    const std::scoped_lock lock(mutex);
    places.insert(block.values);
  });
  EXPECT_LE(std::ssize(places), rows.plan().buffers);
}

TEST_F(Streamed, RanksSeeEachFileOnceAndAgreeOnTheirShape) {
  const std::vector<float> all = matrix(1000, 4);
  const std::vector<RowPlace> places = write_parts(all, 4);
  for (const int ranks : {1, 2, 3, 4, 7}) {
    std::mutex mutex;
    std::vector<std::size_t> opened;
    run_on_threads(ranks, [&](Communicator& comm) {
      const RowSources sources = open_row_sources(places, comm, [&](std::size_t place) {
        const std::scoped_lock lock(mutex);
        opened.push_back(place);
      });
      EXPECT_EQ(sources.rows, 1000);
      EXPECT_EQ(sources.dim, 4);
      EXPECT_EQ(sources.of_row(332).name(), "/x of " + file("f16.h5").string());
      EXPECT_EQ(sources.of_row(333).name(), "/x of " + file("f64.h5").string());
      EXPECT_EQ(sources.of_row(999).name(), "/x of " + file("rest.h5").string());
    });
    std::ranges::sort(opened);
    EXPECT_EQ(opened, (std::vector<std::size_t>{0, 1, 2, 3, 4})) << ranks << " ranks";
  }
}

TEST_F(Streamed, AnyRankReportsADamagedFile) {
  const std::vector<float> all = matrix(1000, 4);
  const std::vector<RowPlace> places = write_parts(all, 4);
  std::string bytes = bytes_of(file("f32.h5"));
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  write_bytes(file("f32.h5"), bytes);
  run_on_threads(3, [&](Communicator& comm) {
    try {
      (void)open_row_sources(places, comm);
      ADD_FAILURE() << "no exception";
    } catch (const AgreedError& error) {
      EXPECT_EQ(error.exit_code(), ExitCode::bad_input);
      EXPECT_NE(std::string(error.what()).find("f32.h5"), std::string::npos) << error.what();
    }
  });
}

TEST_F(Streamed, AvailableMemoryIsTheLeastOfTheNodeAndItsControlGroups) {
  constexpr std::int64_t mebibyte = std::int64_t{1} << 20U;
  const auto put = [&](const std::string& name, const std::string& text) { write_bytes(file(name), text); };
  put("proc/meminfo", "MemTotal:       9999999 kB\nMemAvailable:    8192000 kB\n");
  EXPECT_EQ(available_bytes(file("")), 8000 * mebibyte);
  put("proc/self/cgroup", "0::/a/b\n");
  put("sys/fs/cgroup/a/b/memory.max", "max\n");
  put("sys/fs/cgroup/a/b/memory.current", "5\n");
  EXPECT_EQ(available_bytes(file("")), 8000 * mebibyte);
  // 1,000 MiB of which 300 are in use, 100 of them for cached files.
  put("sys/fs/cgroup/a/memory.max", "1048576000\n");
  put("sys/fs/cgroup/a/memory.current", "314572800\n");
  put("sys/fs/cgroup/a/memory.stat", "anon 1\ninactive_file 73400320\nactive_file 31457280\n");
  EXPECT_EQ(available_bytes(file("")), 800 * mebibyte);
  // A container sees its group at the root, under the path that it has outside.
  put("proc/self/cgroup", "0::/elsewhere/deep\n");
  put("sys/fs/cgroup/memory.max", "1048576000\n");
  put("sys/fs/cgroup/memory.current", "0\n");
  EXPECT_EQ(available_bytes(file("")), 1000 * mebibyte);
  put("proc/self/cgroup", "9:name=x:/\n4:cpu,memory:/job\n0::/none\n");
  put("sys/fs/cgroup/memory.max", "max\n");
  put("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "209715200\n");
  put("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "209715200\n");
  put("sys/fs/cgroup/memory/job/memory.stat", "inactive_file 0\ntotal_inactive_file 10485760\n");
  EXPECT_EQ(available_bytes(file("")), 10 * mebibyte);
  EXPECT_THROW((void)available_bytes(file("missing")), SystemError);
}

TEST_F(Streamed, MemoryIsPlannedFromLimitUseAndState) {
  KMeansOptions options;
  options.clusters = {5, 9};
  options.restarts = 3;
  EXPECT_EQ(kmeans_bytes_per_row(options), 8 + 6 * 8);
  options.init = KMeansOptions::Init::kmeans_parallel;
  EXPECT_EQ(kmeans_bytes_per_row(options), 8 + 6 * 12);
  options.init = KMeansOptions::Init::random;
  EXPECT_EQ(kmeans_bytes_per_row(options), 8 + 6 * 4);
  options.mode = KMeansOptions::Mode::fast;
  EXPECT_EQ(kmeans_bytes_per_row(options), 8 + 6 * 12);
  options.mode = KMeansOptions::Mode::exact;
  options.clusters = {5, 500};
  EXPECT_EQ(kmeans_bytes_per_row(options), 8 + 3 * 4 + 3 * 12);
  options.clusters = {5, 9};
  constexpr std::int64_t gibibyte = std::int64_t{1} << 30U;
  const std::int64_t used = resident_bytes();
  EXPECT_GT(used, std::int64_t{1} << 20U);
  run_on_threads(3, [&](Communicator& comm) {
    // 2^20 rows: 0.25 GiB, and 28 MiB of state.
    const std::int64_t rows = comm.rank() == 1 ? 0 : std::int64_t{1} << 20U;
    EXPECT_TRUE(plan_row_memory(used + gibibyte, rows, 64, false, options, 0, comm).all_fit);
    const RowMemory memory = plan_row_memory(used + gibibyte / 8, rows, 64, false, options, 0, comm);
    EXPECT_EQ(memory.all_fit, rows == 0);
    EXPECT_LT(memory.stream_bytes, gibibyte / 8 - (rows == 0 ? 0 : 28 << 20));
    EXPECT_GT(memory.stream_bytes, gibibyte / 16);
    try {
      (void)plan_row_memory(used + gibibyte / 64, rows, 64, false, options, 0, comm);
      ADD_FAILURE() << "no exception";
    } catch (const AgreedError& error) {
      EXPECT_EQ(error.exit_code(), ExitCode::usage);
      EXPECT_NE(std::string(error.what()).find("cluster.memory"), std::string::npos) << error.what();
    }
    // Without a limit there is nothing to refuse.
    EXPECT_FALSE(plan_row_memory(std::nullopt, std::int64_t{1} << 40U, 64, false, options, 0, comm).all_fit);
  });
}

}  // namespace streamed_rows_test
}  // namespace datus::test
