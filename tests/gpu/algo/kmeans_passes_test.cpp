// SPDX-License-Identifier: Apache-2.0
// What surrounds the passes of k-means on a GPU: rows that do not fit its memory, stops and resumption, errors,
// assign_rows.
#include "kmeans_on_gpu.hpp"
#include "support/gpu_required.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

namespace datus::test {
namespace {

Case small_case(std::uint64_t seed) {
  Random random(seed);
  Case c;
  c.seed = seed;
  c.kind = one_of(random, std::vector<Kind>{Kind::bell, Kind::blobs, Kind::copies, Kind::grid});
  c.rows = draw(random, 20, 90);
  c.dim = static_cast<int>(draw(random, 2, 10));
  c.options.init = one_in(random, 2) ? KMeansOptions::Init::kmeans_plus_plus : KMeansOptions::Init::random;
  c.options.clusters = {static_cast<int>(draw(random, 1, 6)), static_cast<int>(draw(random, 2, 9))};
  c.options.restarts = static_cast<int>(draw(random, 1, 2));
  c.options.max_iterations = static_cast<int>(draw(random, 1, 6));
  c.options.tolerance = one_of(random, std::vector<double>{0.0, 0.02});
  if (one_in(random, 3)) c.options.mode = KMeansOptions::Mode::fast;
  c.options.seed = random();
  return c;
}

TEST(GpuKMeansPasses, RowsThatDoNotFitComePieceByPiece) {
  DATUS_REQUIRE_GPU();
  const auto smaller_case = [](std::uint64_t seed) {
    Case c = small_case(seed);
    c.rows = std::min<std::int64_t>(c.rows, 30);
    return c;
  };
  check_property(600, 12, smaller_case, [](const Case& c) {
    Random random(c.seed + 3);
    // Down to a single row in each of the two pieces.
    const std::int64_t row = (c.dim + 3) / 4 * 16;
    const std::int64_t memory = one_of(random, std::vector<std::int64_t>{1, 2 * row, 7 * row, c.rows * row - 1});
    require_cpu_bits(rows_of(c), c.options, {}, random_layout(c.rows, random), memory);
  });
}

// A state that was saved on a GPU is that of the processor, and either goes on from it.
TEST(GpuKMeansPasses, StoppedOnEitherItGoesOnOnTheOther) {
  DATUS_REQUIRE_GPU();
  check_property(800, 8, small_case, [](const Case& c) {
    const Matrix rows = rows_of(c);
    const Ending whole = run_somewhere(false, {one_rank(c.rows)}, rows, c.options);
    Random random(c.seed + 2);
    for (std::int64_t pass = 1; pass < whole.passes; pass += draw(random, 1, 3)) {
      const Start start{random_layout(c.rows, random), nullptr, pass};
      const Ending on_cpu = run_somewhere(false, start, rows, c.options);
      const Ending on_gpu = run_somewhere(true, start, rows, c.options);
      require(!on_cpu.saved.empty() && on_cpu.saved == on_gpu.saved, "another state in pass " + std::to_string(pass));
      for (const bool second_on_gpu : {false, true}) {
        const Start again{random_layout(c.rows, random), &on_cpu.saved.back()};
        require_same_bits(run_somewhere(second_on_gpu, again, rows, c.options).results, whole.results,
                          "stopped in pass " + std::to_string(pass));
      }
    }
  });
}

// Pairs that need f64 centroids leave the GPU: in Lloyd's iterations, and before them in mini-batches.
TEST(GpuKMeansPasses, RowsNearTheirCentroidsAreClusteredInDoublePrecision) {
  DATUS_REQUIRE_GPU();
  Matrix rows = random_rows(90, 5, false, 3);
  for (std::int64_t i = 6; i < rows.rows; ++i) {
    for (int d = 0; d < 5; ++d)
      rows.values[static_cast<std::size_t>(i * 5 + d)] = rows.row(i % 6)[d] * (1.0F + 1e-5F * static_cast<float>(i));
  }
  for (const auto algorithm : {KMeansOptions::Algorithm::lloyd, KMeansOptions::Algorithm::mini_batch}) {
    KMeansOptions options;
    options.clusters = {6};
    options.algorithm = algorithm;
    options.batch_size = 30;
    const std::vector<double> centroids =
        outcome_of(rows, options, {}, {{90}, 1, best_simd_path()}).results.front().centroids;
    EXPECT_TRUE(std::ranges::any_of(
        centroids, [](double value) { return static_cast<double>(static_cast<float>(value)) != value; }));
    EXPECT_NO_THROW(require_cpu_bits(rows, options, {}, {{50, 0, 40}, 2, best_simd_path(), 1}));
  }
}

TEST(GpuKMeansPasses, AssignRowsGivesTheBitsOfTheProcessor) {
  DATUS_REQUIRE_GPU();
  for (const int dim : {1, 6, 33}) {
    const Matrix rows = random_rows(140, dim, dim == 6, 3);
    const std::vector<double> centroids = rows_at(rows, {3, 100, 3, 77, 20, 0, 139});
    run_in({{50, 0, 90}, 2, best_simd_path(), 1}, rows, [&](std::size_t, const KMeansRows& mine, Communicator& comm) {
      const auto sums = make_staged_communicator(comm);
      const KMeansGpu gpu{0, sums.get(), dim == 1 ? 64 : plenty};
      const Assignment expected = assign_rows(mine, centroids, 7, 1, best_simd_path(), comm);
      const Assignment actual = assign_rows(mine, centroids, 7, 1, best_simd_path(), comm, &gpu);
      EXPECT_EQ(actual.labels, expected.labels);
      EXPECT_EQ(actual.inertia, expected.inertia);
    });
  }
}

/// The error that all ranks end with.
template <class Body>
std::string agreed_error(int ranks, const Body& body) {
  std::vector<std::string> errors(static_cast<std::size_t>(ranks));
  run_on_threads(ranks, [&](Communicator& comm) {
    try {
      body(comm);
    } catch (const AgreedError& error) {
      errors[static_cast<std::size_t>(comm.rank())] = error.what();
    }
  });
  for (const std::string& error : errors) EXPECT_EQ(error, errors.front());
  return errors.front();
}

TEST(GpuKMeansPasses, ARankWithoutGpuIsAnErrorOnAllRanks) {
  DATUS_REQUIRE_GPU();
  const Matrix rows = random_rows(30, 4, false, 1);
  const std::string error = agreed_error(3, [&](Communicator& comm) {
    const auto sums = make_staged_communicator(comm);
    const KMeansGpu gpu{0, sums.get(), 0};
    KMeansOptions options;
    options.clusters = {2};
    if (comm.rank() != 1) options.gpu = &gpu;
    (void)kmeans(CopiedRows(rows, comm.rank() * 10, 10), options, {}, comm);
  });
  EXPECT_NE(error.find("GPU on 2 of 3 ranks"), std::string::npos) << error;
}

TEST(GpuKMeansPasses, AGpuThatIsNotThereIsAnErrorOnAllRanks) {
  DATUS_REQUIRE_GPU();
  const Matrix rows = random_rows(30, 4, false, 1);
  const std::string error = agreed_error(2, [&](Communicator& comm) {
    const auto sums = make_staged_communicator(comm);
    const KMeansGpu gpu{comm.rank() == 1 ? 1000 : 0, sums.get(), 0};
    KMeansOptions options;
    options.clusters = {2};
    options.gpu = &gpu;
    (void)kmeans(CopiedRows(rows, comm.rank() * 15, 15), options, {}, comm);
  });
  EXPECT_NE(error.find("GPU"), std::string::npos) << error;
}

}  // namespace
}  // namespace datus::test
