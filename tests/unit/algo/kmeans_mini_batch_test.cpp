// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/batches.hpp"
#include "datus/comm/self_communicator.hpp"
#include "datus/core/simd_path.hpp"
#include "kmeans_mini_batch_reference.hpp"
#include "support/golden.hpp"

#include <cstdio>
#include <map>
#include <set>
#include <string>

namespace datus::test {
namespace kmeans_mini_batch_test {

using Shares = std::vector<std::int64_t>;

KMeansOptions mini_batches(std::int64_t batch_size, int epochs) {
  KMeansOptions options;
  options.algorithm = KMeansOptions::Algorithm::mini_batch;
  options.init = KMeansOptions::Init::random;
  options.batch_size = batch_size;
  options.epochs = epochs;
  options.seed = 3;
  return options;
}

KMeansOptions from_given(KMeansOptions options, int clusters) {
  options.init = KMeansOptions::Init::given;
  options.clusters = {clusters};
  return options;
}

/// Every so manieth row: in matrices with copies, some of the first centroids are equal.
std::vector<double> spread_rows(const Matrix& rows, int clusters) {
  std::vector<std::int64_t> chosen;
  for (int k = 0; k < clusters; ++k) chosen.push_back(k * rows.rows / clusters);
  return rows_at(rows, chosen);
}

std::vector<Shares> splits(std::int64_t n) {
  return {{0, n}, {n / 3, 0, n - n / 3}, {n - n / 4, n / 4, 0, 0}, {0, n / 5, 0, n / 5, 0, 0, 1, n - 2 * (n / 5) - 1}};
}

struct Case {
  std::int64_t rows;
  int dim;
  int clusters;
  std::int64_t batch_size;
  bool ties;
};

std::vector<Case> cases() {
  return {{10, 3, 2, 1, false},     {16, 2, 3, 5, true},     {17, 4, 5, 16, false},
          {100, 1, 5, 33, true},    {129, 7, 4, 1000, true}, {250, 5, 17, 64, false},
          {333, 20, 27, 50, false}, {400, 3, 40, 111, true}, {300, 33, 1, 300, false}};
}

std::string text_of(const Case& c) {
  return "n " + std::to_string(c.rows) + ", D " + std::to_string(c.dim) + ", K " + std::to_string(c.clusters) +
         ", batches of " + std::to_string(c.batch_size);
}

TEST(KMeansMiniBatch, EachPathEqualsThePlainLoops) {
  unsigned seed = 1;
  for (const Case& c : cases()) {
    const Matrix rows = random_rows(c.rows, c.dim, c.ties, seed++);
    const std::vector<double> given = spread_rows(rows, c.clusters);
    for (const SimdPath path : supported_simd_paths()) {
      SCOPED_TRACE(text_of(c) + ", " + std::string(name(path)));
      KMeansOptions options = from_given(mini_batches(c.batch_size, 6), c.clusters);
      options.seed = (std::uint64_t{seed} << 32U) + seed;
      options.path = path;
      const KMeansResult result = run_kmeans(rows, options, given, {c.rows}).front();
      expect_same(result, reference_mini_batch(rows, options, c.clusters, given, result));
    }
  }
}

TEST(KMeansMiniBatch, SplitsAndThreadsDoNotShow) {
  unsigned seed = 100;
  for (const Case& c : cases()) {
    const Matrix rows = random_rows(c.rows, c.dim, c.ties, seed++);
    KMeansOptions options = mini_batches(c.batch_size, 3);
    options.clusters = {c.clusters};
    const KMeansResult expected = run_kmeans(rows, options, {}, {c.rows}).front();
    for (const Shares& shares : splits(c.rows)) {
      for (const int threads : {1, 3}) {
        SCOPED_TRACE(text_of(c) + ", ranks " + std::to_string(shares.size()) + ", threads " + std::to_string(threads));
        options.threads = threads;
        expect_same(run_kmeans(rows, options, {}, shares).front(), expected);
      }
    }
  }
}

TEST(KMeansMiniBatch, PairsTogetherEqualEachAlone) {
  const Matrix rows = random_rows(500, 6, false, 9);
  KMeansOptions options = mini_batches(60, 20);
  options.clusters = {3, 8, 21};
  options.restarts = 2;
  const auto together = run_kmeans(rows, options, {}, {123, 377});
  for (const KMeansResult& result : together) {
    options.clusters = {result.clusters};
    const KMeansResult alone = run_kmeans(rows, options, {}, {500}).front();
    expect_same(result, alone);
    EXPECT_EQ(result.restarts, alone.restarts);
    EXPECT_NE(result.restarts[0], result.restarts[1]);
  }
}

TEST(KMeansMiniBatch, EachRowIsInOneBatchOfAnEpoch) {
  for (const std::int64_t rows : {1, 15, 16, 17, 31, 100, 1000, 1007}) {
    for (const std::int64_t batch_size : {1, 7, 16, 50, 1000, 5000}) {
      const KMeansBatches plan(5, rows, batch_size);
      std::set<std::vector<std::int64_t>> orders;
      for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
        std::vector<std::int64_t> seen;
        for (std::int64_t batch = 0; batch < plan.per_epoch(); ++batch) {
          std::int64_t size = 0;
          for (const RowRange& range : plan.rows(epoch * plan.per_epoch() + batch)) {
            size += range.count;
            for (std::int64_t row = 0; row < range.count; ++row) seen.push_back(range.begin + row);
          }
          EXPECT_EQ(size, plan.size(batch));
          EXPECT_EQ(size, batch + 1 < plan.per_epoch() ? batch_size : rows - batch * batch_size);
        }
        orders.insert(seen);
        std::ranges::sort(seen);
        ASSERT_EQ(std::ssize(seen), rows);
        for (std::int64_t row = 0; row < rows; ++row) EXPECT_EQ(seen[static_cast<std::size_t>(row)], row);
      }
      // Within a batch the rows are listed in ascending order: epochs of few batches may look alike.
      if (plan.per_epoch() >= 10 && rows >= 100) {
        EXPECT_EQ(orders.size(), 3U) << rows << " rows, batches of " << batch_size;
      }
    }
  }
}

TEST(KMeansMiniBatch, RangesAreAscendingAndDoNotTouch) {
  const KMeansBatches plan(8, 1000, 300);
  for (std::int64_t batch = 0; batch < 12; ++batch) {
    std::int64_t end = -1;
    for (const RowRange& range : plan.rows(batch)) {
      EXPECT_GT(range.begin, end);
      end = range.begin + range.count;
    }
    EXPECT_LE(end, 1000);
  }
}

/// All inertia is 0, so that nothing can get better after the second batch.
struct RowsAtTheirCentroids {
  Matrix rows{120, 2, {}};
  std::vector<double> centroids = {0.0F, 0.0F, 1.0F, 2.0F, -3.0F, 1.0F};
  RowsAtTheirCentroids() {
    for (std::size_t i = 0; i < 120; ++i) {
      for (std::size_t d = 0; d < 2; ++d) rows.values.push_back(static_cast<float>(centroids[i % 3 * 2 + d]));
    }
  }
};

TEST(KMeansMiniBatch, StopsAfterTenBatchesWithoutImprovement) {
  const RowsAtTheirCentroids data;
  for (const std::int64_t batch_size : {1, 25, 120, 500}) {
    const auto result = run_kmeans(data.rows, from_given(mini_batches(batch_size, 30), 3), data.centroids, {120});
    // The first batch does not count, the second one has the lowest inertia, ten more are not lower.
    EXPECT_EQ(result.front().inertia, std::vector<double>(12, 0.0));
    EXPECT_TRUE(result.front().converged);
    EXPECT_EQ(result.front().centroids, data.centroids);
  }
}

TEST(KMeansMiniBatch, StopsAfterTheLastEpoch) {
  const RowsAtTheirCentroids data;
  for (const int epochs : {1, 2}) {
    const auto result = run_kmeans(data.rows, from_given(mini_batches(25, epochs), 3), data.centroids, {120}).front();
    EXPECT_EQ(result.inertia.size(), 5U * static_cast<unsigned>(epochs));
    EXPECT_FALSE(result.converged);
  }
}

TEST(KMeansMiniBatch, ACentroidWithoutRowsStays) {
  RowsAtTheirCentroids data;
  // Two rows more that differ, beside a centroid that stays between them: all rows are in each batch.
  data.rows.values[0] = -0.25F;
  data.rows.values[6] = 0.25F;
  std::vector<double> centroids = data.centroids;
  centroids.insert(centroids.end(), {50.0F, -60.0F});
  const auto result = run_kmeans(data.rows, from_given(mini_batches(120, 2), 4), centroids, {120}).front();
  EXPECT_EQ(result.centroids, centroids);
  EXPECT_EQ(result.repairs, 0);
}

struct Golden {
  nlohmann::json facts = read_json("golden/kmeans_mini_batch/cases.json");
  std::map<std::string, GoldenTensor> tensors =
      read_golden("golden/kmeans_mini_batch/" + facts["file"].get<std::string>());
  Matrix rows{facts["n"], facts["d"], {}};
  int clusters = facts["k"];

  Golden() {
    for (const std::int8_t value : tensors.at("data_times_32").as<std::int8_t>()) {
      rows.values.push_back(static_cast<float>(value) / 32.0F);
    }
  }
  [[nodiscard]] std::vector<double> initial(int seed) const {
    const std::vector<float> values = tensors.at("initial_centroids_" + std::to_string(seed)).as<float>();
    return {values.begin(), values.end()};
  }
};

TEST(KMeansMiniBatch, RunningMeansAreThoseOfScikitLearn) {
  const Golden golden;
  for (const int batches : {1, 2, 8}) {
    const KMeansOptions options = from_given(mini_batches(golden.rows.rows, batches), golden.clusters);
    const KMeansResult result = run_kmeans(golden.rows, options, golden.initial(0), {2000, 4000}).front();
    const auto expected = golden.tensors.at("full_batches_" + std::to_string(batches) + ".centroids").as<double>();
    ASSERT_EQ(result.centroids.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(static_cast<double>(result.centroids[i]), expected[i], 1e-5) << batches << " batches, value " << i;
    }
  }
}

TEST(KMeansMiniBatch, InertiaIsAsGoodAsThatOfScikitLearn) {
  const Golden golden;
  double mine = 0.0;
  double theirs = 0.0;
  for (const auto& facts : golden.facts["cases"]) {
    KMeansOptions options =
        from_given(mini_batches(golden.facts["batch_size"], golden.facts["epochs"]), golden.clusters);
    const int seed = facts["seed"];
    options.seed = static_cast<std::uint64_t>(seed);
    SelfCommunicator self;
    const CopiedRows rows(golden.rows, 0, golden.rows.rows);
    const KMeansResult result = kmeans(rows, options, golden.initial(seed), self).front();
    EXPECT_TRUE(result.converged);
    mine += result.final_inertia;
    theirs += facts["inertia"].get<double>();
  }
  EXPECT_LE(mine, 1.01 * theirs);
  std::printf("mean inertia over that of scikit-learn: %.4f\n", mine / theirs);
}

}  // namespace kmeans_mini_batch_test
}  // namespace datus::test
