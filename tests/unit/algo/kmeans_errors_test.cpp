// SPDX-License-Identifier: Apache-2.0
#include "datus/comm/self_communicator.hpp"
#include "datus/core/error.hpp"
#include "datus/core/gpu.hpp"
#include "kmeans_reference.hpp"

#include <cmath>
#include <functional>
#include <string>

namespace datus::test {
namespace kmeans_errors_test {

/// Runs on thread-ranks and expects the same AgreedError on all of them. (A rank that waits for ever fails the run.)
void expect_on_all_ranks(int ranks, ExitCode code, const std::string& part,
                         const std::function<void(Communicator&)>& body) {
  std::vector<std::string> texts(static_cast<std::size_t>(ranks));
  run_on_threads(ranks, [&](Communicator& comm) {
    try {
      body(comm);
      ADD_FAILURE() << "no exception on rank " << comm.rank() << "; expected: " << part;
    } catch (const AgreedError& e) {
      EXPECT_EQ(e.exit_code(), code) << e.what();
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
      texts[static_cast<std::size_t>(comm.rank())] = e.what();
    }
  });
  for (const std::string& text : texts) EXPECT_EQ(text, texts.front());
}

KMeansOptions clusters(int count) {
  KMeansOptions options;
  options.clusters = {count};
  return options;
}

/// Ten rows for each of three ranks.
struct ThirtyRows {
  Matrix all = random_rows(30, 4, false, 1);
  [[nodiscard]] CopiedRows of(const Communicator& comm) const { return {all, 10 * comm.rank(), 10}; }
};

TEST(KMeansErrors, NamesTheLowestRowThatIsNotFinite) {
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    ThirtyRows rows;
    rows.all.values[4 * 17 + 3] = bad;
    const auto run = [&](Communicator& comm) { (void)kmeans(rows.of(comm), clusters(3), {}, comm); };
    expect_on_all_ranks(3, ExitCode::bad_input, "Row 17 of the descriptors is not finite", run);
    rows.all.values[4 * 29] = bad;
    rows.all.values[4 * 18 + 1] = bad;
    expect_on_all_ranks(3, ExitCode::bad_input, "Row 17 of the descriptors is not finite", run);
    expect_on_all_ranks(3, ExitCode::bad_input, "Row 17 of the descriptors is not finite", [&](Communicator& comm) {
      (void)assign_rows(rows.of(comm), std::vector<double>(8), 2, 1, best_simd_path(), comm);
    });
  }
}

// 130 rows of 6000 values are three blocks.
TEST(KMeansErrors, NamesTheLowestRowOfAllBlocks) {
  Matrix all = random_rows(130, 6000, false, 1);
  for (const std::size_t row : {125U, 60U, 7U}) all.values[row * 6000 + 5999] = NAN;
  for (const int threads : {1, 3}) {
    expect_on_all_ranks(1, ExitCode::bad_input, "Row 7 of the descriptors is not finite", [&](Communicator& comm) {
      KMeansOptions options = clusters(2);
      options.threads = threads;
      (void)kmeans(CopiedRows(all, 0, 130), options, {}, comm);
    });
  }
}

TEST(KMeansErrors, MoreClustersThanRows) {
  const ThirtyRows rows;
  expect_on_all_ranks(3, ExitCode::usage, "cluster.k is 31 (there are 30 descriptors only)",
                      [&](Communicator& comm) { (void)kmeans(rows.of(comm), clusters(31), {}, comm); });
  expect_on_all_ranks(2, ExitCode::usage, "there are 0 descriptors only",
                      [&](Communicator& comm) { (void)kmeans(CopiedRows(rows.all, 0, 0), clusters(1), {}, comm); });
}

TEST(KMeansErrors, SettingsThatCannotBe) {
  const ThirtyRows rows;
  const auto refuses = [&](const std::string& part, const KMeansOptions& options, std::vector<double> given = {}) {
    expect_on_all_ranks(3, ExitCode::usage, part,
                        [&](Communicator& comm) { (void)kmeans(rows.of(comm), options, given, comm); });
  };
  refuses("cluster.k is 0", clusters(0));
  refuses("cluster.k is empty", KMeansOptions{});
  KMeansOptions options = clusters(2);
  options.max_iterations = 0;
  refuses("cluster.max_iterations is 0", options);
  options = clusters(2);
  options.tolerance = NAN;
  refuses("cluster.tolerance is", options);
  options = clusters(2);
  options.restarts = 0;
  refuses("cluster.restarts is 0", options);
  options = clusters(2);
  options.threads = 0;
  refuses("0 threads", options);
  refuses("Centroids are given", clusters(2), std::vector<double>(8));
  options = clusters(2);
  options.init = KMeansOptions::Init::given;
  refuses("The given centroids have 7 values", options, std::vector<double>(7));
  options.restarts = 2;
  refuses("one K and one start", options, std::vector<double>(8));
}

TEST(KMeansErrors, GivenCentroidsThatAreNotFinite) {
  const ThirtyRows rows;
  KMeansOptions options = clusters(2);
  options.init = KMeansOptions::Init::given;
  std::vector<double> given(8, 1.0F);
  given[6] = INFINITY;
  expect_on_all_ranks(3, ExitCode::bad_input, "Given centroid 1 is not finite",
                      [&](Communicator& comm) { (void)kmeans(rows.of(comm), options, given, comm); });
}

TEST(KMeansErrors, RanksThatDisagree) {
  const ThirtyRows rows;
  const auto refuses = [&](const std::function<void(KMeansOptions&)>& change) {
    expect_on_all_ranks(3, ExitCode::usage, "not the same on all ranks", [&](Communicator& comm) {
      KMeansOptions options = clusters(3);
      if (comm.rank() == 2) change(options);
      (void)kmeans(rows.of(comm), options, {}, comm);
    });
  };
  refuses([](KMeansOptions& options) { options.clusters = {4}; });
  refuses([](KMeansOptions& options) { options.clusters = {3, 3}; });
  refuses([](KMeansOptions& options) { options.init = KMeansOptions::Init::random; });
  refuses([](KMeansOptions& options) { options.max_iterations = 299; });
  refuses([](KMeansOptions& options) { options.tolerance = std::nextafter(1e-4, 1.0); });
  refuses([](KMeansOptions& options) { options.restarts = 2; });
  refuses([](KMeansOptions& options) { options.seed = 1; });
  expect_on_all_ranks(2, ExitCode::usage, "not the same on all ranks", [](Communicator& comm) {
    const Matrix matrix = random_rows(8, 3 + comm.rank(), false, 1);
    (void)kmeans(CopiedRows(matrix, 0, 0), clusters(3), {}, comm);
  });
  expect_on_all_ranks(3, ExitCode::usage, "not the same on all ranks", [&](Communicator& comm) {
    const std::vector<double> centroids(8, comm.rank() == 1 ? 1.0F : 2.0F);
    (void)assign_rows(rows.of(comm), centroids, 2, 1, best_simd_path(), comm);
  });
}

TEST(KMeansErrors, RowsThatDoNotFitTogether) {
  const Matrix all = random_rows(30, 4, false, 1);
  for (const std::int64_t second : {9, 11}) {
    expect_on_all_ranks(2, ExitCode::usage, "rows begin at " + std::to_string(second), [&](Communicator& comm) {
      const CopiedRows rows(all, comm.rank() == 0 ? 0 : second, 10);
      (void)kmeans(rows, clusters(3), {}, comm);
    });
  }
  EXPECT_THROW(MemoryRows(std::vector<float>{1.0F, 2.0F, 3.0F}, 2), UsageError);
  EXPECT_THROW(MemoryRows(std::vector<float>{1.0F}, 0), UsageError);
}

// Squares beyond f32 would turn scores into infinities: refused before the first iteration.
TEST(KMeansErrors, ValuesTooLarge) {
  expect_on_all_ranks(2, ExitCode::bad_input, "too large for k-means", [&](Communicator& comm) {
    AlignedVector<double> values;
    for (int i = 0; i < 60; ++i) values.push_back(i);
    if (comm.rank() == 1) values[11] = -1e140;
    (void)kmeans(MemoryRows(std::move(values), 4, 15 * comm.rank()), clusters(3), {}, comm);
  });
}

TEST(KMeansErrors, AStopOnOneRankStopsAll) {
  const ThirtyRows rows;
  int asked = 0;
  expect_on_all_ranks(3, ExitCode::interrupted, "k-means was interrupted", [&](Communicator& comm) {
    KMeansOptions options = clusters(5);
    if (comm.rank() == 1) options.stop_requested = [&] { return ++asked == 2; };
    (void)kmeans(rows.of(comm), options, {}, comm);
  });
  EXPECT_EQ(asked, 2);
}

// What a reader throws is passed on.
TEST(KMeansErrors, AReaderThatFails) {
  class Broken final : public KMeansRows {
   public:
    [[nodiscard]] std::int64_t first() const override { return 0; }
    [[nodiscard]] std::int64_t count() const override { return 10; }
    [[nodiscard]] int dim() const override { return 2; }
    void visit(std::span<const RowRange>, int, const RowBlockBody&) const override {
      throw InputError("broken shard", "", "");
    }
  };
  SelfCommunicator comm;
  EXPECT_THROW((void)kmeans(Broken(), clusters(2), {}, comm), InputError);
}

/// Sums that nobody asks for.
class NoSums final : public DeviceCommunicator {
 public:
  void allreduce_sum(std::int64_t*, std::int64_t, const cuda::Stream&) override { ADD_FAILURE(); }
  void wait(const cuda::Stream&) override { ADD_FAILURE(); }
  [[nodiscard]] std::string description() const override { return "no sums"; }
};

TEST(KMeansErrors, AGpuNeedsCollectivesAndABuildWithCuda) {
  const ThirtyRows rows;
  SelfCommunicator self;
  KMeansGpu gpu;
  KMeansOptions options = clusters(3);
  options.gpu = &gpu;
  EXPECT_THROW((void)kmeans(rows.of(self), options, {}, self), AgreedError);
  NoSums sums;
  gpu.collectives = &sums;
  gpu.memory_bytes = -1;
  EXPECT_THROW((void)kmeans(rows.of(self), options, {}, self), AgreedError);
  gpu.memory_bytes = 0;
  if (built_with_cuda()) return;
  EXPECT_THROW((void)kmeans(rows.of(self), options, {}, self), SystemError);
}

}  // namespace kmeans_errors_test
}  // namespace datus::test
