// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/kmeans_quality.hpp"

#include "algo/scores/partition_scores.hpp"
#include "datus/algo/kmeans.hpp"
#include "datus/core/error.hpp"
#include "datus/core/simd_path.hpp"
#include "kmeans_reference.hpp"

#include <bit>
#include <cstdio>
#include <optional>
#include <set>
#include <string>

namespace datus::test {
namespace kmeans_quality_test {

/// This rank's part of results for all rows.
std::vector<KMeansResult> part_of(const std::vector<KMeansResult>& all, std::int64_t first, std::int64_t count) {
  std::vector<KMeansResult> part = all;
  for (KMeansResult& result : part) {
    const auto begin = result.assignment.begin() + first;
    result.assignment = std::vector<std::int32_t>(begin, begin + count);
  }
  return part;
}

/// On thread-ranks, rank r having shares[r] rows. Checks that all ranks get the same.
std::vector<KMeansQuality> run_quality(const Matrix& rows, const std::vector<KMeansResult>& results,
                                       const KMeansQualityOptions& options, const std::vector<std::int64_t>& shares) {
  std::vector<std::vector<KMeansQuality>> of_ranks(shares.size());
  run_on_threads(static_cast<int>(shares.size()), [&](Communicator& comm) {
    const auto rank = static_cast<std::size_t>(comm.rank());
    std::int64_t first = 0;
    for (std::size_t r = 0; r < rank; ++r) first += shares[r];
    const CopiedRows mine(rows, first, shares[rank]);
    of_ranks[rank] = kmeans_quality(mine, part_of(results, first, shares[rank]), options, comm);
  });
  for (const auto& of_rank : of_ranks) {
    EXPECT_EQ(of_rank.size(), results.size());
    for (std::size_t i = 0; i < of_rank.size(); ++i) {
      EXPECT_EQ(of_rank[i].silhouette, of_ranks.front()[i].silhouette);
      EXPECT_EQ(of_rank[i].stability, of_ranks.front()[i].stability);
    }
  }
  return of_ranks.front();
}

double reference_distance(const float* x, const double* c, int dim) {
  return std::sqrt(squared_distance(x, c, dim));
}

/// The silhouette as it is defined, from the distances to the centroids of clusters with rows.
template <class Distance>
std::vector<double> reference_silhouettes(const Matrix& rows, const KMeansResult& result, Distance distance) {
  const std::set<std::int32_t> filled(result.assignment.begin(), result.assignment.end());
  std::vector<double> silhouettes;
  for (std::int64_t i = 0; i < rows.rows; ++i) {
    std::vector<double> distances;
    for (const std::int32_t k : filled) {
      distances.push_back(distance(rows.row(i), result.centroids.data() + std::int64_t{k} * rows.dim, rows.dim));
    }
    std::ranges::sort(distances);
    const double larger = std::max(distances[0], distances[1]);
    silhouettes.push_back(larger == 0.0 ? 0.0 : (distances[1] - distances[0]) / larger);
  }
  return silhouettes;
}

std::optional<double> reference_silhouette(const Matrix& rows, const KMeansResult& result) {
  if (std::set<std::int32_t>(result.assignment.begin(), result.assignment.end()).size() < 2) return std::nullopt;
  int log2 = 61;
  while (log2 > 50 || std::ldexp(static_cast<double>(rows.rows), log2) > 0x1p61) --log2;
  std::int64_t sum = 0;
  for (const double s : reference_silhouettes(rows, result, reference_distance)) {
    sum += std::llrint(std::ldexp(s, log2));
  }
  return std::ldexp(static_cast<double>(sum), -log2) / static_cast<double>(rows.rows);
}

/// From pairs of rows, by the definition of Hubert and Arabie with expected and largest agreement.
double reference_agreement(const std::vector<std::int32_t>& first, const std::vector<std::int32_t>& second) {
  double both = 0.0;
  double in_first = 0.0;
  double in_second = 0.0;
  double pairs = 0.0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const bool same_first = first[i] == first[j];
      const bool same_second = second[i] == second[j];
      both += same_first && same_second ? 1.0 : 0.0;
      in_first += same_first ? 1.0 : 0.0;
      in_second += same_second ? 1.0 : 0.0;
      pairs += 1.0;
    }
  }
  const double expected = pairs > 0.0 ? in_first * in_second / pairs : 0.0;
  const double largest = (in_first + in_second) / 2.0;
  return largest == expected ? 1.0 : (both - expected) / (largest - expected);
}

std::optional<double> reference_stability(const Matrix& rows, const KMeansResult& result) {
  if (result.restarts.size() < 2 || result.clusters == 1) return std::nullopt;
  std::vector<std::vector<std::int32_t>> partitions;
  for (const auto& centroids : result.restarts) {
    partitions.push_back(reference_labels(rows, centroids, result.clusters));
  }
  double sum = 0.0;
  double pairs = 0.0;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    for (std::size_t j = i + 1; j < partitions.size(); ++j) {
      sum += reference_agreement(partitions[i], partitions[j]);
      pairs += 1.0;
    }
  }
  return sum / pairs;
}

/// Several K with centroids that are rows at random, so that some clusters may stay empty.
std::vector<KMeansResult> random_results(const Matrix& rows, const std::vector<int>& clusters, int restarts,
                                         unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<KMeansResult> results;
  for (const int k : clusters) {
    KMeansResult result;
    result.clusters = k;
    for (int restart = 0; restart < restarts; ++restart) {
      std::vector<std::int64_t> chosen;
      for (int c = 0; c < k; ++c) {
        chosen.push_back(static_cast<std::int64_t>(generator() % static_cast<std::uint64_t>(rows.rows)));
      }
      result.restarts.push_back(rows_at(rows, chosen));
    }
    result.restart = static_cast<int>(generator() % static_cast<unsigned>(restarts));
    result.centroids = result.restarts[static_cast<std::size_t>(result.restart)];
    result.assignment = reference_labels(rows, result.centroids, k);
    results.push_back(std::move(result));
  }
  return results;
}

struct Case {
  std::int64_t rows;
  int dim;
  std::vector<int> clusters;
  int restarts;
  bool ties;
};

std::vector<Case> cases() {
  return {{1, 1, {1, 3}, 2, false},        {40, 1, {1, 3, 40}, 3, false}, {60, 2, {2, 9, 17}, 4, true},
          {100, 3, {16, 33}, 2, true},     {97, 8, {5, 32}, 1, false},    {150, 13, {27, 31}, 3, false},
          {203, 20, {2, 50, 3}, 2, false}, {64, 31, {48}, 5, true},       {1700, 5, {6, 4}, 3, false}};
}

std::vector<std::vector<std::int64_t>> splits(std::int64_t n) {
  return {{n}, {0, n}, {n / 3, n - n / 3}, {n / 2, 0, n - n / 2}, {0, n / 5, 0, n / 5, 0, 0, 0, n - 2 * (n / 5)}};
}

TEST(KMeansQuality, EqualsThePlainLoopsOnAllPathsSplitsAndThreads) {
  unsigned seed = 1;
  for (const Case& c : cases()) {
    const Matrix rows = random_rows(c.rows, c.dim, c.ties, seed++);
    const auto results = random_results(rows, c.clusters, c.restarts, seed);
    std::vector<std::optional<double>> silhouettes;
    std::vector<std::optional<double>> agreements;
    for (const KMeansResult& result : results) {
      silhouettes.push_back(reference_silhouette(rows, result));
      agreements.push_back(reference_stability(rows, result));
    }
    std::vector<KMeansQuality> first;
    for (const SimdPath path : supported_simd_paths()) {
      int threads = 1;
      for (const auto& shares : splits(c.rows)) {
        SCOPED_TRACE("n " + std::to_string(c.rows) + ", D " + std::to_string(c.dim) + ", ranks " +
                     std::to_string(shares.size()) + ", threads " + std::to_string(threads) + ", " +
                     std::string(name(path)));
        KMeansQualityOptions options;
        options.path = path;
        options.threads = threads;
        threads = threads % 3 + 1;
        const auto qualities = run_quality(rows, results, options, shares);
        if (first.empty()) first = qualities;
        for (std::size_t i = 0; i < results.size(); ++i) {
          EXPECT_EQ(qualities[i].clusters, c.clusters[i]);
          ASSERT_EQ(qualities[i].silhouette.has_value(), silhouettes[i].has_value());
          if (silhouettes[i].has_value()) {
            EXPECT_NEAR(*qualities[i].silhouette, *silhouettes[i], 1e-5);
          }
          EXPECT_EQ(qualities[i].silhouette, first[i].silhouette);
          ASSERT_EQ(qualities[i].stability.has_value(), agreements[i].has_value());
          if (agreements[i].has_value()) {
            EXPECT_NEAR(*qualities[i].stability, *agreements[i], 1e-12);
          }
          EXPECT_EQ(qualities[i].stability, first[i].stability);
        }
      }
    }
  }
  for (const SimdPath path : supported_simd_paths())
    std::printf("path that ran: %s\n", std::string(name(path)).c_str());
}

// Rows in memory come in one block of many strips.
TEST(KMeansQuality, LongBlocksAreCut) {
  const Matrix rows = random_rows(1700, 5, false, 31);
  const auto results = random_results(rows, {7, 20}, 3, 32);
  const auto expected = run_quality(rows, results, {}, {1700});
  run_on_threads(1, [&](Communicator& comm) {
    const auto qualities = kmeans_quality(MemoryRows(rows.values, 5), results, {}, comm);
    for (std::size_t i = 0; i < results.size(); ++i) {
      EXPECT_EQ(qualities[i].silhouette, expected[i].silhouette);
      EXPECT_EQ(qualities[i].stability, expected[i].stability);
    }
  });
}

TEST(KMeansQuality, SeveralPassesGiveWhatOneGives) {
  const Matrix rows = random_rows(300, 6, false, 5);
  const auto results = random_results(rows, {4, 9, 2}, 4, 6);
  const auto expected = run_quality(rows, results, {}, {300});
  for (const std::int64_t cells : {81, 90, 200, 500}) {
    KMeansQualityOptions options;
    options.table_cells = cells;
    const auto qualities = run_quality(rows, results, options, {100, 0, 200});
    for (std::size_t i = 0; i < results.size(); ++i) {
      EXPECT_EQ(qualities[i].silhouette, expected[i].silhouette) << cells;
      EXPECT_EQ(qualities[i].stability, expected[i].stability) << cells;
    }
  }
  KMeansQualityOptions options;
  options.table_cells = 80;
  const auto qualities = run_quality(rows, results, options, {300});
  EXPECT_EQ(qualities[0].stability, expected[0].stability);
  EXPECT_EQ(qualities[1].stability, std::nullopt);
  EXPECT_EQ(qualities[1].silhouette, expected[1].silhouette);
  EXPECT_EQ(qualities[2].stability, expected[2].stability);
}

TEST(KMeansQuality, SilhouetteIsThatOfDistancesInDoublePrecision) {
  const Matrix rows = random_rows(80, 3, false, 9);
  const auto results = random_results(rows, {3, 7}, 1, 10);
  const auto exact_distance = [](const float* x, const double* c, int dim) {
    double squared = 0.0;
    for (int d = 0; d < dim; ++d) squared += std::pow(static_cast<double>(x[d]) - c[d], 2.0);
    return std::sqrt(squared);
  };
  const auto qualities = run_quality(rows, results, {}, {80});
  for (std::size_t i = 0; i < results.size(); ++i) {
    double sum = 0.0;
    for (const double s : reference_silhouettes(rows, results[i], exact_distance)) sum += s;
    // f32 leaves about 1e-7 of a squared distance, and its root of a distance that should be 0.
    EXPECT_NEAR(qualities[i].silhouette.value(), sum / 80.0, 1e-4);
  }
}

/// A result from centroids on a line.
KMeansResult line_result(const Matrix& rows, std::vector<std::vector<double>> restarts) {
  KMeansResult result;
  result.clusters = static_cast<int>(restarts.front().size());
  result.centroids = restarts.front();
  result.assignment = reference_labels(rows, result.centroids, result.clusters);
  result.restarts = std::move(restarts);
  return result;
}

TEST(KMeansQuality, KnownValues) {
  const Matrix rows{4, 1, {0.0F, 1.0F, 4.0F, 6.0F}};
  // Distances to 0 and 4: (0, 4), (1, 3), (0, 4), (2, 6).
  const auto silhouette = run_quality(rows, {line_result(rows, {{0.0F, 4.0F}})}, {}, {4}).front();
  EXPECT_NEAR(silhouette.silhouette.value(), (1.0 + 2.0 / 3.0 + 1.0 + 2.0 / 3.0) / 4.0, 1e-15);
  EXPECT_EQ(silhouette.stability, std::nullopt);
  // scikit-learn: adjusted_rand_score([0, 0, 1, 1], [0, 1, 2, 2]) = 4/7; against [0, 0, 1, 2] the same.
  const auto partial =
      run_quality(rows, {line_result(rows, {{0.5F, 5.0F, 99.0F}, {0.0F, 1.0F, 5.0F}})}, {}, {2, 2}).front();
  EXPECT_NEAR(partial.stability.value(), 4.0 / 7.0, 1e-15);
  // Numbers of clusters do not matter.
  const auto equal =
      run_quality(rows, {line_result(rows, {{0.5F, 5.0F}, {5.0F, 0.5F}, {0.4F, 4.9F}})}, {}, {4}).front();
  EXPECT_EQ(equal.stability, 1.0);
  // Worse than chance: adjusted_rand_score([0, 0, 1, 1], [0, 1, 0, 1]) = -0.5.
  const Matrix square{4, 2, {0.0F, 0.0F, 0.0F, 1.0F, 1.0F, 0.0F, 1.0F, 1.0F}};
  KMeansResult across;
  across.clusters = 2;
  across.restarts = {{0.0F, 0.5F, 1.0F, 0.5F}, {0.5F, 0.0F, 0.5F, 1.0F}};
  across.centroids = across.restarts.front();
  across.assignment = {0, 0, 1, 1};
  EXPECT_NEAR(run_quality(square, {across}, {}, {4}).front().stability.value(), -0.5, 1e-15);
}

TEST(KMeansQuality, ClustersWithoutRowsAreNotSecond) {
  const Matrix rows{4, 1, {0.0F, 1.0F, 4.0F, 6.0F}};
  KMeansResult result = line_result(rows, {{0.0F, 4.0F}});
  const auto expected = run_quality(rows, {result}, {}, {4}).front();
  // 2.4 is nearest to no row, but would be second nearest to the row at 1. It is so for any place in the list.
  for (const std::vector<double>& centroids :
       {std::vector<double>{0.0, 4.0, 2.4}, {2.4F, 0.0F, 4.0F}, {0.0F, 2.4F, 4.0F}}) {
    const auto qualities = run_quality(rows, {line_result(rows, {centroids, centroids})}, {}, {1, 0, 3});
    EXPECT_EQ(qualities.front().silhouette, expected.silhouette);
    EXPECT_EQ(qualities.front().stability, 1.0);
  }
  // All rows in one of two clusters: there is no other.
  EXPECT_EQ(run_quality(rows, {line_result(rows, {{0.0F, 99.0F}})}, {}, {4}).front().silhouette, std::nullopt);
}

TEST(KMeansQuality, DuplicatesHaveNoSilhouette) {
  const Matrix rows{5, 2, {1.0F, 2.0F, 1.0F, 2.0F, 1.0F, 2.0F, 1.0F, 2.0F, 1.0F, 2.0F}};
  KMeansResult result;
  result.clusters = 2;
  result.centroids = {1.0F, 2.0F, 1.0F, 2.0F};
  result.restarts = {result.centroids, result.centroids};
  // What a caller may claim: by its own arithmetic, all rows are nearest to the first.
  result.assignment = {0, 1, 0, 1, 0};
  const auto quality = run_quality(rows, {result}, {}, {3, 2}).front();
  EXPECT_EQ(quality.silhouette, 0.0);
  EXPECT_EQ(quality.stability, 1.0);
}

TEST(KMeansQuality, TheRightKOfBlobsHasTheLargestOfBoth) {
  std::mt19937 generator(17);
  std::normal_distribution<float> noise(0.0F, 0.25F);
  constexpr int blobs = 5;
  Matrix rows{600, 4, {}};
  for (std::int64_t i = 0; i < rows.rows; ++i) {
    for (int d = 0; d < rows.dim; ++d) {
      rows.values.push_back((i % blobs == d ? 3.0F : 0.0F) + noise(generator));  // the fifth is about 0
    }
  }
  KMeansOptions options;
  options.clusters = {2, 3, 4, 5, 6, 7, 8};
  options.restarts = 5;
  const std::vector<std::int64_t> shares{250, 350};
  const auto results = run_kmeans(rows, options, {}, shares);
  const auto qualities = run_quality(rows, results, {}, shares);
  for (const KMeansQuality& quality : qualities) {
    if (quality.clusters == blobs) continue;
    EXPECT_LT(quality.silhouette.value(), qualities[3].silhouette.value()) << quality.clusters;
    EXPECT_LT(quality.stability.value(), qualities[3].stability.value()) << quality.clusters;
  }
  EXPECT_EQ(qualities[3].stability, 1.0);
  EXPECT_GT(qualities[3].silhouette.value(), 0.7);
}

/// The same AgreedError on all ranks; rank r has part r of the rows.
void expect_refused(const Matrix& rows, const std::string& words, ExitCode code,
                    const std::function<void(std::vector<KMeansResult>& results, int rank)>& spoil) {
  const auto results = random_results(rows, {3, 4}, 2, 21);
  run_on_threads(3, [&](Communicator& comm) {
    const std::int64_t count = rows.rows / 3;
    auto mine = part_of(results, comm.rank() * count, count);
    spoil(mine, comm.rank());
    try {
      (void)kmeans_quality(CopiedRows(rows, comm.rank() * count, count), mine, {}, comm);
      ADD_FAILURE() << "no exception on rank " << comm.rank() << "; expected: " << words;
    } catch (const AgreedError& error) {
      EXPECT_EQ(error.exit_code(), code) << error.what();
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
    }
  });
}

TEST(KMeansQuality, RefusesWhatDoesNotFit) {
  const Matrix rows = random_rows(30, 4, false, 2);
  using Results = std::vector<KMeansResult>;
  expect_refused(rows, "not the same on all ranks", ExitCode::usage, [](Results& results, int rank) {
    if (rank == 1) results[1].restarts[0][3] += 1.0F;
  });
  expect_refused(rows, "K = 4 does not fit the rows", ExitCode::usage, [](Results& results, int rank) {
    if (rank == 2) results[1].assignment.pop_back();
  });
  expect_refused(rows, "K = 3 does not fit the rows", ExitCode::usage, [](Results& results, int rank) {
    if (rank == 0) results[0].assignment[5] = 3;
  });
  expect_refused(rows, "K = 3 does not fit the rows", ExitCode::usage,
                 [](Results& results, int /*rank*/) { results[0].restart = 2; });
  expect_refused(rows, "given centroids have 11 values", ExitCode::usage,
                 [](Results& results, int /*rank*/) { results[0].restarts[1].pop_back(); });
}

TEST(KMeansQuality, OneClusterAndNoRowsHaveNeither) {
  const Matrix none{0, 3, {}};
  KMeansResult result;
  result.clusters = 2;
  result.centroids.assign(6, 1.0F);
  result.restarts = {result.centroids, result.centroids};
  const Matrix rows = random_rows(20, 3, false, 3);
  for (const KMeansQuality& quality : {run_quality(none, {result}, {}, {0, 0}).front(),
                                       run_quality(rows, random_results(rows, {1}, 3, 4), {}, {20}).front()}) {
    EXPECT_EQ(quality.silhouette, std::nullopt);
    EXPECT_EQ(quality.stability, std::nullopt);
  }
}

}  // namespace kmeans_quality_test
}  // namespace datus::test
