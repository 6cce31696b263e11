// SPDX-License-Identifier: Apache-2.0
#include "datus/core/simd_path.hpp"
#include "kmeans_reference.hpp"

#include <cstdio>
#include <cstring>
#include <string>

namespace datus::test {
namespace kmeans_exact_test {

struct Case {
  std::int64_t rows;
  int dim;
  std::vector<int> clusters;
  bool ties;
};

std::vector<Case> cases() {
  return {{1, 1, {1}, false},      {40, 1, {3, 30}, false},  {60, 2, {9, 17}, true},    {100, 3, {16, 33}, true},
          {97, 8, {5, 32}, false}, {150, 13, {27}, false},   {203, 20, {2, 50}, false}, {64, 31, {48}, true},
          {130, 6000, {4}, false}, {55, 17, {1, 40}, false}, {120, 4, {10, 20}, true}};
}

std::vector<std::vector<std::int64_t>> splits(std::int64_t n) {
  return {{n},
          {0, n},
          {n / 3, n - n / 3},
          {n / 2, 0, n - n / 2},
          {n - n / 4, n / 4, 0, 0},
          {0, n / 5, 0, n / 5, 0, 0, 0, n - 2 * (n / 5)}};
}

void expect_same_bits(const std::vector<KMeansResult>& actual, const std::vector<KMeansResult>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    expect_same(actual[i], expected[i]);
    EXPECT_EQ(actual[i].restart, expected[i].restart);
    EXPECT_EQ(std::memcmp(actual[i].centroids.data(), expected[i].centroids.data(),
                          expected[i].centroids.size() * sizeof(double)),
              0);
  }
}

TEST(KMeansExact, EachPathEqualsThePlainLoops) {
  unsigned seed = 1;
  for (const Case& c : cases()) {
    const Matrix rows = random_rows(c.rows, c.dim, c.ties, seed++);
    for (const int clusters : c.clusters) {
      std::vector<std::int64_t> chosen;
      for (int k = 0; k < clusters; ++k) chosen.push_back(k * c.rows / clusters);
      const std::vector<double> given = rows_at(rows, chosen);
      for (const SimdPath path : supported_simd_paths()) {
        SCOPED_TRACE("n " + std::to_string(c.rows) + ", D " + std::to_string(c.dim) + ", K " +
                     std::to_string(clusters) + ", " + std::string(name(path)));
        KMeansOptions options;
        options.clusters = {clusters};
        options.init = KMeansOptions::Init::given;
        options.path = path;
        options.max_iterations = 12;
        options.tolerance = 0.0;
        const KMeansResult result = run_kmeans(rows, options, given, {c.rows}).front();
        expect_same(result, reference_kmeans(rows, options, clusters, given, result));
      }
    }
  }
  std::string paths;
  for (const SimdPath path : supported_simd_paths()) paths += " " + std::string(name(path));
  std::printf("paths that ran:%s\n", paths.c_str());
}

TEST(KMeansExact, SplitsThreadsAndPathsDoNotShow) {
  unsigned seed = 100;
  for (const Case& c : cases()) {
    const Matrix rows = random_rows(c.rows, c.dim, c.ties, seed++);
    KMeansOptions options;
    options.clusters = c.clusters;
    options.init = KMeansOptions::Init::random;
    options.restarts = 2;
    options.seed = seed;
    options.max_iterations = 6;
    options.path = SimdPath::scalar;
    const auto expected = run_kmeans(rows, options, {}, {c.rows});
    for (const SimdPath path : supported_simd_paths()) {
      int threads = 1;
      for (const auto& shares : splits(c.rows)) {
        options.path = path;
        options.threads = threads;
        threads = threads % 3 + 1;
        SCOPED_TRACE("n " + std::to_string(c.rows) + ", D " + std::to_string(c.dim) + ", ranks " +
                     std::to_string(shares.size()) + ", threads " + std::to_string(options.threads) + ", " +
                     std::string(name(path)));
        expect_same_bits(run_kmeans(rows, options, {}, shares), expected);
      }
    }
  }
}

// All values of K and all restarts go together; alone they must end the same.
TEST(KMeansExact, PairsDoNotInfluenceEachOther) {
  const Matrix rows = random_rows(180, 9, false, 7);
  KMeansOptions options;
  options.clusters = {12, 3, 25};
  options.restarts = 3;
  options.seed = 5;
  const auto together = run_kmeans(rows, options, {}, {180});
  for (std::size_t i = 0; i < options.clusters.size(); ++i) {
    KMeansResult best;
    for (int restart = 0; restart < options.restarts; ++restart) {
      const int clusters = options.clusters[i];
      const auto given = rows_at(rows, reference_plus_plus(rows, options.seed, restart, clusters));
      KMeansResult alone = reference_kmeans(rows, options, clusters, given, together[i]);
      alone.restart = restart;
      if (restart == 0 || alone.final_inertia < best.final_inertia) best = alone;
    }
    expect_same(together[i], best);
    EXPECT_EQ(together[i].restart, best.restart);
  }
}

TEST(KMeansExact, AssignRowsEqualsTheLastAssignment) {
  const Matrix rows = random_rows(140, 11, false, 3);
  KMeansOptions options;
  options.clusters = {13};
  options.max_iterations = 2;
  const KMeansResult result = run_kmeans(rows, options, {}, {140}).front();
  for (const SimdPath path : supported_simd_paths()) {
    run_on_threads(3, [&](Communicator& comm) {
      const std::int64_t first = comm.rank() == 0 ? 0 : 50;
      const std::int64_t count = comm.rank() == 0 ? 50 : (comm.rank() == 1 ? 0 : 90);
      const CopiedRows mine(rows, first, count);
      const Assignment assignment = assign_rows(mine, result.centroids, 13, 2, path, comm);
      const auto begin = result.assignment.begin() + first;
      EXPECT_EQ(assignment.labels, std::vector<std::int32_t>(begin, begin + count));
      EXPECT_NEAR(assignment.inertia, result.final_inertia, 1e-12 * result.final_inertia);
    });
  }
}

}  // namespace kmeans_exact_test
}  // namespace datus::test
