// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/extreme_rows.hpp"

#include "datus/core/error.hpp"
#include "support/thread_communicator.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace extreme_rows_test {

constexpr int dim = 7;

/// Rows in some clusters, many of them the same, so that there are ties; and two ways to see them.
struct Sample {
  std::int64_t rows;
  std::vector<float> values;
  std::vector<double> fine;          ///< [5, dim]
  std::vector<std::int32_t> labels;  ///< of five
  std::vector<std::int32_t> joined;  ///< [5], of three; nothing is in the last
  std::vector<double> coarse;        ///< [3, dim]
};

Sample sample_of(std::int64_t rows, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  Sample sample{.rows = rows, .values = {}, .fine = {}, .labels = {}, .joined = {1, 0, 1, 1, 0}, .coarse = {}};
  for (std::int64_t row = 0; row < rows; ++row) {
    const bool is_copy = row > 0 && generator() % 3 == 0;
    const std::int64_t from = is_copy ? static_cast<std::int64_t>(generator() % static_cast<unsigned>(row)) : -1;
    for (int d = 0; d < dim; ++d) {
      sample.values.push_back(is_copy ? sample.values[static_cast<std::size_t>(from * dim + d)] : normal(generator));
    }
    // Cluster 3 has a few rows only, 4 none.
    const auto label = static_cast<std::int32_t>(generator() % 3);
    sample.labels.push_back(is_copy ? sample.labels[static_cast<std::size_t>(from)] : row % 97 == 5 ? 3 : label);
  }
  for (int i = 0; i < 5 * dim; ++i) sample.fine.push_back(static_cast<double>(normal(generator)));
  for (int i = 0; i < 3 * dim; ++i) sample.coarse.push_back(static_cast<double>(normal(generator)));
  return sample;
}

/// The definition: all rows of a cluster, sorted. `sign` is -1 for the farthest.
ChosenRows by_sorting(const Sample& sample, const std::vector<double>& centroids,
                      const std::vector<std::int32_t>& clusters, int count, double sign) {
  const std::size_t k = centroids.size() / dim;
  ChosenRows chosen{.count = count, .row = {}, .distance = {}};
  for (std::size_t cluster = 0; cluster < k; ++cluster) {
    std::vector<std::pair<double, std::int64_t>> all;
    for (std::int64_t row = 0; row < sample.rows; ++row) {
      if (clusters[static_cast<std::size_t>(row)] != static_cast<std::int32_t>(cluster)) continue;
      double square = 0;
      for (std::size_t d = 0; d < dim; ++d) {
        const double x = static_cast<double>(sample.values[static_cast<std::size_t>(row) * dim + d]);
        const double difference = x - centroids[cluster * dim + d];
        square = std::fma(difference, difference, square);
      }
      all.emplace_back(sign * std::sqrt(square), row);
    }
    std::ranges::sort(all);
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
      chosen.row.push_back(i < all.size() ? all[i].second : -1);
      chosen.distance.push_back(i < all.size() ? std::abs(all[i].first) : std::nan(""));
    }
  }
  return chosen;
}

void expect_same(const ChosenRows& found, const ChosenRows& expected) {
  EXPECT_EQ(found.count, expected.count);
  EXPECT_EQ(found.row, expected.row);
  ASSERT_EQ(found.distance.size(), expected.distance.size());
  for (std::size_t i = 0; i < found.distance.size(); ++i) {
    EXPECT_TRUE(found.distance[i] == expected.distance[i] || expected.row[i] == -1) << i;
    EXPECT_EQ(std::isnan(found.distance[i]), expected.row[i] == -1) << i;
  }
}

std::vector<std::int32_t> joined_labels(const Sample& sample) {
  std::vector<std::int32_t> labels;
  for (const std::int32_t label : sample.labels) labels.push_back(sample.joined[static_cast<std::size_t>(label)]);
  return labels;
}

/// A rank's rows: uneven shares, of three ranks and more the second has none.
Share share(std::int64_t rows, const Communicator& comm) {
  const auto boundary = [&](int rank) -> std::int64_t {
    if (comm.size() > 2 && rank == 2) rank = 1;
    return rows * rank * rank / (comm.size() * comm.size());
  };
  return {boundary(comm.rank()), boundary(comm.rank() + 1)};
}

template <class T>
std::vector<T> part(const std::vector<T>& all, std::int64_t begin, std::int64_t end) {
  return {all.begin() + begin, all.begin() + end};
}

TEST(ExtremeRows, AreThoseOfSortingOnAnyRanksAndThreads) {
  for (const std::int64_t rows : {1, 40, 3000}) {
    const Sample sample = sample_of(rows, static_cast<unsigned>(rows));
    const ExtremeCounts counts{.nearest = 9, .farthest = 4};
    const auto coarse_labels = joined_labels(sample);
    for (const int ranks : {1, 2, 3, 4}) {
      for (const int threads : {1, 3}) {
        run_on_threads(ranks, [&](Communicator& comm) {
          const Share mine = share(rows, comm);
          const MemoryRows local(part(sample.values, mine.begin * dim, mine.end * dim), dim, mine.begin);
          const auto labels = part(sample.labels, mine.begin, mine.end);
          const std::vector<RowClusters> clusterings = {
              {.centroids = sample.fine, .clusters = 5, .labels = labels, .cluster_of_label = {}},
              {.centroids = sample.coarse, .clusters = 3, .labels = labels, .cluster_of_label = sample.joined}};
          const auto found = extreme_rows(local, clusterings, counts, threads, best_simd_path(), comm);
          ASSERT_EQ(found.size(), 2U);
          expect_same(found[0].nearest, by_sorting(sample, sample.fine, sample.labels, 9, 1));
          expect_same(found[0].farthest, by_sorting(sample, sample.fine, sample.labels, 4, -1));
          expect_same(found[1].nearest, by_sorting(sample, sample.coarse, coarse_labels, 9, 1));
          expect_same(found[1].farthest, by_sorting(sample, sample.coarse, coarse_labels, 4, -1));
        });
      }
    }
  }
}

TEST(ExtremeRows, DoublePrecisionAndAllPathsAgree) {
  const Sample sample = sample_of(500, 3);
  const MemoryRows precise(AlignedVector<double>(sample.values.begin(), sample.values.end()), dim);
  const std::vector<RowClusters> one = {
      {.centroids = sample.fine, .clusters = 5, .labels = sample.labels, .cluster_of_label = {}}};
  const ChosenRows expected = by_sorting(sample, sample.fine, sample.labels, 16, 1);
  run_on_threads(1, [&](Communicator& comm) {
    for (const SimdPath path : {SimdPath::scalar, best_simd_path()}) {
      expect_same(extreme_rows(precise, one, {}, 2, path, comm).front().nearest, expected);
      expect_same(extreme_rows(MemoryRows(sample.values, dim), one, {}, 2, path, comm).front().nearest, expected);
    }
  });
}

TEST(ExtremeRows, LabelsThatDoNotFitAreRefused) {
  const Sample sample = sample_of(20, 1);
  const MemoryRows rows(sample.values, dim);
  const auto refused = [&](const RowClusters& one, ExtremeCounts counts = {}) {
    run_on_threads(1, [&](Communicator& comm) {
      EXPECT_THROW((void)extreme_rows(rows, std::span(&one, 1), counts, 1, best_simd_path(), comm), AgreedError);
    });
  };
  const RowClusters good{.centroids = sample.fine, .clusters = 5, .labels = sample.labels, .cluster_of_label = {}};
  RowClusters bad = good;
  bad.labels = bad.labels.first(19);
  refused(bad);
  bad = good;
  bad.cluster_of_label = std::span(sample.joined).first(2);
  refused(bad);
  const std::vector<std::int32_t> outside = {0, 5, 0, 0, 0};
  bad.cluster_of_label = outside;
  refused(bad);
  bad = good;
  bad.clusters = 4;
  refused(bad);
  refused(good, {.nearest = -1, .farthest = 1});
}

TEST(ExtremeRows, RanksWithOtherCentroidsAreRefused) {
  const Sample sample = sample_of(20, 1);
  EXPECT_THROW(run_on_threads(2,
                              [&](Communicator& comm) {
                                const bool is_first = comm.rank() == 0;
                                const MemoryRows rows(is_first ? sample.values : std::vector<float>(), dim);
                                const RowClusters one{
                                    .centroids = is_first ? sample.fine : sample.coarse,
                                    .clusters = is_first ? 5 : 3,
                                    .labels = is_first ? std::span(sample.labels) : std::span<const std::int32_t>(),
                                    .cluster_of_label = {}};
                                (void)extreme_rows(rows, std::span(&one, 1), {}, 1, best_simd_path(), comm);
                              }),
               AgreedError);
}

}  // namespace extreme_rows_test
}  // namespace datus
