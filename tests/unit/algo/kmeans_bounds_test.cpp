// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/bounds.hpp"
#include "algo/kmeans/search_centroids.hpp"
#include "datus/core/error.hpp"
#include "kmeans_reference.hpp"

#include <cstdio>
#include <cstring>
#include <optional>
#include <string>

// Rows that are passed over because of bounds on their distances: nothing of it may show in labels and centroids.
namespace datus::test {
namespace kmeans_bounds_test {

/// Rows around a few centres, so that most of them soon keep their cluster.
Matrix blobs(std::int64_t rows, int dim, int centres, float spread, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  const Matrix centre = random_rows(centres, dim, false, seed + 1);
  Matrix matrix{rows, dim, {}};
  for (std::int64_t i = 0; i < rows; ++i) {
    const float* from = centre.row(static_cast<std::int64_t>(generator() % static_cast<unsigned>(centres)));
    for (int d = 0; d < dim; ++d) matrix.values.push_back(from[d] + spread * normal(generator));
  }
  return matrix;
}

/// Rows in pairs, and rows between the two, on the bisector or off it by about as much as a score is rounded.
Matrix near_ties(int pairs, int dim, unsigned seed) {
  const Matrix ends = random_rows(std::int64_t{2} * pairs, dim, false, seed);
  Matrix matrix = ends;
  for (int p = 0; p < pairs; ++p) {
    for (int step = -6; step <= 6; ++step) {
      const float share = 0.5F + static_cast<float>(step) * 3e-8F;
      for (int d = 0; d < dim; ++d) {
        const float from = ends.row(2 * p)[d];
        matrix.values.push_back(from + share * (ends.row(2 * p + 1)[d] - from));
      }
      ++matrix.rows;
    }
  }
  return matrix;
}

KMeansOptions options_for(int clusters, int iterations, KMeansOptions::Mode mode) {
  KMeansOptions options;
  options.clusters = {clusters};
  options.init = KMeansOptions::Init::random;
  options.mode = mode;
  options.max_iterations = iterations;
  options.tolerance = 0.0;
  options.seed = 3;
  return options;
}

std::vector<Matrix> matrices() {
  std::vector<Matrix> all;
  all.push_back(blobs(500, 20, 9, 0.3F, 1));
  all.push_back(blobs(700, 33, 80, 0.1F, 2));
  all.push_back(random_rows(400, 6, true, 3));
  all.push_back(random_rows(300, 2, false, 4));
  all.push_back(near_ties(20, 24, 5));
  all.push_back(blobs(260, 385, 12, 1.0F, 6));
  return all;
}

std::vector<std::int32_t> counts_of(const KMeansResult& result) {
  std::vector<std::int32_t> counts(static_cast<std::size_t>(result.clusters));
  for (const std::int32_t label : result.assignment) ++counts[static_cast<std::size_t>(label)];
  return counts;
}

// The plain loops compare every row with every centroid.
TEST(KMeansBounds, ExactModeWithManyClustersEqualsThePlainLoops) {
  for (const Matrix& rows : matrices()) {
    for (const int clusters : {128, 150}) {
      for (const SimdPath path : supported_simd_paths()) {
        SCOPED_TRACE("n " + std::to_string(rows.rows) + ", D " + std::to_string(rows.dim) + ", K " +
                     std::to_string(clusters) + ", " + std::string(name(path)));
        KMeansOptions options = options_for(clusters, 14, KMeansOptions::Mode::exact);
        options.init = KMeansOptions::Init::given;
        options.path = path;
        std::vector<std::int64_t> chosen;
        for (int k = 0; k < clusters; ++k) chosen.push_back(k * rows.rows / clusters);
        const std::vector<double> given = rows_at(rows, chosen);
        const KMeansResult result = run_kmeans(rows, options, given, {rows.rows}).front();
        expect_same(result, reference_kmeans(rows, options, clusters, given, result));
      }
    }
  }
  std::string paths;
  for (const SimdPath path : supported_simd_paths()) paths += " " + std::string(name(path));
  std::printf("paths that ran:%s\n", paths.c_str());
}

// Centroids that travel far through a plane, from one corner of it: bounds are in use while they do.
TEST(KMeansBounds, ExactModeWhileCentroidsTravel) {
  std::mt19937 generator(8);
  Matrix rows{3000, 2, {}};
  for (int i = 0; i < 6000; ++i) rows.values.push_back(static_cast<float>(generator() % 100000) * 1e-5F);
  std::vector<std::int64_t> chosen;
  for (std::int64_t i = 0; chosen.size() < 128; ++i) {
    if (rows.row(i)[0] < 0.4F && rows.row(i)[1] < 0.4F) chosen.push_back(i);
  }
  const std::vector<double> given = rows_at(rows, chosen);
  for (const SimdPath path : supported_simd_paths()) {
    KMeansOptions options = options_for(128, 40, KMeansOptions::Mode::exact);
    options.init = KMeansOptions::Init::given;
    options.path = path;
    const KMeansResult result = run_kmeans(rows, options, given, {1000, 2000}).front();
    EXPECT_GE(result.inertia.size(), 30U);
    expect_same(result, reference_kmeans(rows, options, 128, given, result));
  }
}

TEST(KMeansBounds, FastModeHasTheBitsOfExactMode) {
  for (const Matrix& rows : matrices()) {
    for (const int clusters : {1, 5, 20, 64}) {
      for (const int iterations : {1, 2, 3, 5, 12}) {
        SCOPED_TRACE("n " + std::to_string(rows.rows) + ", D " + std::to_string(rows.dim) + ", K " +
                     std::to_string(clusters) + ", iterations " + std::to_string(iterations));
        const auto exact =
            run_kmeans(rows, options_for(clusters, iterations, KMeansOptions::Mode::exact), {}, {rows.rows}).front();
        const auto fast =
            run_kmeans(rows, options_for(clusters, iterations, KMeansOptions::Mode::fast), {}, {rows.rows}).front();
        expect_same(fast, exact);
      }
    }
  }
}

// In f64, from the definition.
TEST(KMeansBounds, TheInertiaIsThatOfTheAssignment) {
  for (const Matrix& rows : matrices()) {
    const auto fast = run_kmeans(rows, options_for(15, 4, KMeansOptions::Mode::fast), {}, {rows.rows}).front();
    double expected = 0.0;
    for (std::int64_t i = 0; i < rows.rows; ++i) {
      const double* centre = fast.centroids.data() + fast.assignment[static_cast<std::size_t>(i)] * rows.dim;
      expected += squared_distance(rows.row(i), centre, rows.dim);
    }
    EXPECT_NEAR(fast.final_inertia, expected, 1e-11 * expected);
  }
}

TEST(KMeansBounds, RanksThreadsAndPathsDoNotShow) {
  const std::vector<std::vector<std::int64_t>> splits = {
      {700}, {0, 700}, {233, 467}, {350, 0, 350}, {7, 600, 0, 93}, {0, 140, 0, 140, 0, 0, 0, 420}};
  const Matrix rows = blobs(700, 33, 80, 0.1F, 2);
  for (const auto mode : {KMeansOptions::Mode::fast, KMeansOptions::Mode::exact}) {
    KMeansOptions options = options_for(130, 12, mode);
    options.clusters = {12, 130};
    options.restarts = 2;
    options.path = SimdPath::scalar;
    const auto expected = run_kmeans(rows, options, {}, {700});
    int threads = 1;
    for (const SimdPath path : supported_simd_paths()) {
      for (const auto& shares : splits) {
        options.path = path;
        options.threads = threads;
        threads = threads % 3 + 1;
        const auto results = run_kmeans(rows, options, {}, shares);
        for (std::size_t i = 0; i < results.size(); ++i) {
          SCOPED_TRACE(std::string(name(path)) + ", ranks " + std::to_string(shares.size()));
          expect_same(results[i], expected[i]);
          EXPECT_EQ(std::memcmp(results[i].inertia.data(), expected[i].inertia.data(),
                                expected[i].inertia.size() * sizeof(double)),
                    0);
        }
      }
    }
  }
}

/// Runs until pass `stop`; the state then, or nothing when it was done before.
std::optional<KMeansState> interrupted(const Matrix& rows, KMeansOptions options, int stop) {
  std::optional<KMeansState> saved;
  int passes = 0;
  options.stop_requested = [&] { return ++passes == stop; };
  options.save = [&](const KMeansState& state) { saved = state; };
  options.checkpoint_every = 1000;
  try {
    (void)run_kmeans(rows, options, {}, {rows.rows});
  } catch (const AgreedError&) {
    return saved;
  }
  return std::nullopt;
}

TEST(KMeansBounds, AnInterruptionDoesNotShow) {
  const Matrix rows = blobs(700, 33, 80, 0.1F, 2);
  for (const auto mode : {KMeansOptions::Mode::fast, KMeansOptions::Mode::exact}) {
    KMeansOptions options = options_for(130, 14, mode);
    const KMeansResult expected = run_kmeans(rows, options, {}, {700}).front();
    int stops = 0;
    for (int stop = 1;; ++stop) {
      const auto state = interrupted(rows, options, stop);
      if (!state) break;
      ++stops;
      options.resume = &*state;
      expect_same(run_kmeans(rows, options, {}, {100, 0, 600}).front(), expected);
      options.resume = nullptr;
    }
    EXPECT_GE(stops, 3);
  }
}

/// The score of a search: all that is rounded, rounded to f32.
float score_of(const double* x, const double* c, int dim) {
  float product = 0.0F;
  double norm = 0.0;
  for (int d = 0; d < dim; ++d) {
    product = std::fma(static_cast<float>(x[d]), static_cast<float>(c[d]), product);
    norm += c[d] * c[d];
  }
  return std::fma(-2.0F, product, static_cast<float>(norm));
}

TEST(KMeansBounds, TheErrorOfAScoreIsWithinItsBound) {
  std::mt19937 generator(5);
  std::normal_distribution<double> normal;
  for (const int dim : {1, 7, 64, 385, 2000}) {
    for (const double size : {1.0, 1e-18, 1e12}) {
      std::vector<double> vectors;
      for (int i = 0; i < 60 * dim; ++i) vectors.push_back(size * (3.0 + normal(generator)));
      for (int i = 0; i < 30; ++i) {
        const double* x = vectors.data() + std::ptrdiff_t{i} * dim;
        const double* c = x + std::ptrdiff_t{30} * dim;
        long double exact = 0.0L;
        double row = 0.0;
        for (int d = 0; d < dim; ++d) {
          exact += (static_cast<long double>(c[d]) - 2.0L * x[d]) * c[d];
          row += x[d] * x[d];
        }
        const clustering::SearchCentroids centroids({c, static_cast<std::size_t>(dim)}, 1, dim);
        const auto computed = static_cast<double>(score_of(x, c, dim));
        EXPECT_LE(std::abs(computed - static_cast<double>(exact)), centroids.error(row)) << dim;
        if (size > 1e-10) {
          EXPECT_LE(centroids.error(row), 1e-5 * (dim + 10) * row);
        }
      }
    }
  }
  const std::vector<double> one(10'000'000, 1.0);
  EXPECT_EQ(clustering::SearchCentroids(one, 1, 10'000'000).error(1.0), std::numeric_limits<double>::infinity());
  EXPECT_EQ(clustering::SearchCentroids({one.data(), 1}, 1, 1).error(1e37), std::numeric_limits<double>::infinity());
}

// Squared distances 1 and a little more, each wrong by up to 1e-4.
TEST(KMeansBounds, ARowKeepsItsLabelOnlyWhereNoRoundingCanChangeIt) {
  constexpr double error = 1e-4;
  const std::vector<std::int32_t> labels = {1};
  const clustering::Drift still{{0.0F, 0.0F}, 0.0F, 0, 0.0F};
  const clustering::Drift moving{{1e-3F, 0.0F}, 1e-3F, 0, 0.0F};
  const auto may_change = [&](double second, const clustering::Drift& drift) {
    clustering::RowBounds bounds(1);
    EXPECT_TRUE(bounds.may_change(0));
    bounds.learn(0, 1.0, second, error);
    bounds.follow(drift, labels, 0, 1);
    return bounds.may_change(0);
  };
  EXPECT_TRUE(may_change(1.0, still));
  EXPECT_TRUE(may_change(1.0 + 1.9 * error, still));
  EXPECT_FALSE(may_change(1.0 + 2.2 * error, still));
  EXPECT_TRUE(may_change(1.0 + 2.2 * error, moving));
  EXPECT_TRUE(may_change(1.0 + 2.2 * error + 1.9e-3, moving));
  EXPECT_FALSE(may_change(1.0 + 2.2 * error + 2.1e-3, moving));
  EXPECT_FALSE(may_change(std::numeric_limits<double>::infinity(), moving));
}

TEST(KMeansBounds, DriftIsTheDistanceOrMore) {
  const Matrix from = random_rows(9, 12, false, 1);
  Matrix to = random_rows(9, 12, false, 2);
  std::copy_n(from.values.begin(), 12, to.values.begin());
  const clustering::Drift drift =
      clustering::drift_between(relative_to({}, from).values, relative_to({}, to).values, 9);
  std::vector<double> distances;
  for (std::int64_t k = 0; k < 9; ++k) {
    double squared = 0.0;
    for (int d = 0; d < 12; ++d) {
      squared += std::pow(static_cast<double>(to.row(k)[d]) - static_cast<double>(from.row(k)[d]), 2);
    }
    distances.push_back(std::sqrt(squared));
    const auto stated = static_cast<double>(drift.distances[static_cast<std::size_t>(k)]);
    EXPECT_GE(stated, distances.back());
    EXPECT_LE(stated, distances.back() * (1.0 + 1e-5) + 1e-30);
  }
  for (std::int32_t k = 0; k < 9; ++k) {
    double largest = 0.0;
    for (std::int32_t j = 0; j < 9; ++j) {
      if (j != k) largest = std::max(largest, distances[static_cast<std::size_t>(j)]);
    }
    EXPECT_NEAR(static_cast<double>(drift.of_others(k)), largest, 1e-5 * largest);
    EXPECT_GE(static_cast<double>(drift.of_others(k)), largest);
  }
}

}  // namespace kmeans_bounds_test
}  // namespace datus::test
