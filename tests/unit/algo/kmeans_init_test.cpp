// SPDX-License-Identifier: Apache-2.0
#include "datus/core/error.hpp"
#include "kmeans_reference.hpp"

#include <array>
#include <set>
#include <string>

namespace datus::test {
namespace kmeans_init_test {

/// The first centroids cannot be seen; but the centroids of one iteration follow from them by the reference.
void expect_started_from(const Matrix& rows, const KMeansOptions& options, const KMeansResult& result,
                         const std::vector<std::int64_t>& chosen) {
  expect_same(result, reference_kmeans(rows, options, result.clusters, rows_at(rows, chosen), result));
}

TEST(KMeansInit, PlusPlusChoosesTheRowsOfThePlainLoops) {
  const Matrix rows = random_rows(210, 10, false, 11);
  for (const SimdPath path : supported_simd_paths()) {
    for (const auto& shares : std::vector<std::vector<std::int64_t>>{{210}, {0, 100, 110}, {3, 200, 0, 7}}) {
      KMeansOptions options;
      options.clusters = {1, 14, 40};
      options.max_iterations = 1;
      options.seed = 99;
      options.path = path;
      const auto results = run_kmeans(rows, options, {}, shares);
      for (const KMeansResult& result : results) {
        expect_started_from(rows, options, result, reference_plus_plus(rows, 99, 0, result.clusters));
      }
    }
  }
}

// 130 rows of 6000 values are three blocks: threads really share the draw.
TEST(KMeansInit, PlusPlusWithThreads) {
  const Matrix rows = random_rows(130, 6000, false, 12);
  KMeansOptions options;
  options.clusters = {9};
  options.max_iterations = 1;
  options.threads = 3;
  options.seed = 4;
  const KMeansResult result = run_kmeans(rows, options, {}, {130}).front();
  expect_started_from(rows, options, result, reference_plus_plus(rows, 4, 0, 9));
}

TEST(KMeansInit, RandomTakesTheRowsWithTheSmallestDraws) {
  const Matrix rows = random_rows(90, 5, false, 13);
  const auto key = kmeans_key(KMeansPurpose::random_rows, 21, 0, 12);
  std::vector<std::int64_t> chosen(90);
  for (std::size_t i = 0; i < 90; ++i) chosen[i] = static_cast<std::int64_t>(i);
  std::ranges::sort(chosen, {}, [&](std::int64_t i) { return kmeans_draw(key, static_cast<std::uint64_t>(i), 0); });
  chosen.resize(12);
  KMeansOptions options;
  options.clusters = {12};
  options.init = KMeansOptions::Init::random;
  options.max_iterations = 1;
  options.seed = 21;
  for (const auto& shares : std::vector<std::vector<std::int64_t>>{{90}, {4, 0, 86}}) {
    expect_started_from(rows, options, run_kmeans(rows, options, {}, shares).front(), chosen);
  }
}

// With as many clusters as distinct rows, every one of them is chosen and nothing is left over, whatever the seed.
TEST(KMeansInit, PlusPlusNeverChoosesACopy) {
  Matrix rows{60, 3, {}};
  for (int i = 0; i < 60; ++i) rows.values.insert(rows.values.end(), {float(i % 10), i % 2 == 0 ? 0.0F : -0.0F, 1.0F});
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    KMeansOptions options;
    options.clusters = {10};
    options.seed = seed;
    const KMeansResult result = run_kmeans(rows, options, {}, {60}).front();
    EXPECT_EQ(result.final_inertia, 0.0);
    EXPECT_EQ(result.repairs, 0);
    options.clusters = {4, 11};
    try {
      (void)run_kmeans(rows, options, {}, {20, 40});
      ADD_FAILURE() << "no exception";
    } catch (const AgreedError& e) {
      EXPECT_EQ(e.exit_code(), ExitCode::bad_input);
      EXPECT_NE(std::string(e.what()).find("Only 10 distinct rows (K = 11"), std::string::npos) << e.what();
    }
  }
}

// Points 0, 1, 3 on a line: the first centre is any of them, the second is drawn by squared distance to it. The plain
// loops choose, which the other tests find to be the same.
TEST(KMeansInit, PlusPlusDrawsBySquaredDistance) {
  const Matrix rows{3, 1, {0.0F, 1.0F, 3.0F}};
  constexpr int draws = 6000;
  std::array<std::array<int, 3>, 3> seen{};
  for (int seed = 0; seed < draws; ++seed) {
    const auto chosen = reference_plus_plus(rows, static_cast<std::uint64_t>(seed), 0, 2);
    ++seen[static_cast<std::size_t>(chosen[0])][static_cast<std::size_t>(chosen[1])];
  }
  const std::array<std::array<double, 3>, 3> probability{
      {{0.0, 1.0 / 30, 9.0 / 30}, {1.0 / 15, 0.0, 4.0 / 15}, {9.0 / 39, 4.0 / 39, 0.0}}};
  double chi_square = 0.0;
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      if (i == j) {
        EXPECT_EQ(seen[i][j], 0);
        continue;
      }
      const double expected = probability[i][j] * draws;
      chi_square += (seen[i][j] - expected) * (seen[i][j] - expected) / expected;
    }
  }
  // 5 degrees of freedom: above 20.5 in one of 1,000 cases; the seeds are fixed.
  EXPECT_LT(chi_square, 20.5);
}

TEST(KMeansInit, SeedsAndRestartsDiffer) {
  const Matrix rows = random_rows(300, 4, false, 17);
  for (const auto init : {KMeansOptions::Init::kmeans_plus_plus, KMeansOptions::Init::random}) {
    std::set<std::vector<double>> starts;
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      KMeansOptions options;
      options.clusters = {8};
      options.init = init;
      options.seed = seed;
      options.max_iterations = 1;
      starts.insert(run_kmeans(rows, options, {}, {300}).front().centroids);
    }
    EXPECT_EQ(starts.size(), 8U);
  }
}

}  // namespace kmeans_init_test
}  // namespace datus::test
