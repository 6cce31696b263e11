// SPDX-License-Identifier: Apache-2.0
#include "datus/comm/self_communicator.hpp"
#include "datus/core/error.hpp"
#include "datus/core/simd_path.hpp"
#include "kmeans_parallel_reference.hpp"

#include <cstdio>
#include <cstring>
#include <optional>
#include <string>

namespace datus::test {
namespace kmeans_parallel_test {

using Shares = std::vector<std::int64_t>;
using Init = KMeansOptions::Init;

KMeansOptions parallel_options(std::vector<int> clusters, std::uint64_t seed) {
  KMeansOptions options;
  options.clusters = std::move(clusters);
  options.init = Init::kmeans_parallel;
  options.seed = seed;
  options.max_iterations = 1;
  return options;
}

/// The state with the first centroids of all pairs, as the ranks save it before the first iteration; the ranks' must
/// be the same.
KMeansState seeded(const Matrix& rows, KMeansOptions options, const Shares& shares) {
  std::vector<KMeansState> states(shares.size());
  run_on_threads(static_cast<int>(shares.size()), [&](Communicator& comm) {
    const auto rank = static_cast<std::size_t>(comm.rank());
    std::int64_t first = 0;
    for (std::size_t r = 0; r < rank; ++r) first += shares[r];
    const CopiedRows mine(rows, first, shares[rank]);
    KMeansOptions of_rank = options;
    of_rank.checkpoint_every = 1;
    of_rank.save = [&](const KMeansState& state) {
      const bool begun = std::ranges::any_of(state.pairs, [](const auto& pair) { return !pair.inertia.empty(); });
      if (!begun) states[rank] = state;
    };
    (void)kmeans(mine, of_rank, {}, comm);
  });
  for (const KMeansState& state : states) EXPECT_EQ(state, states.front());
  return states.front();
}

/// To the bit: also the sign of a zero.
void expect_same_floats(const std::vector<double>& actual, const std::vector<double>& expected) {
  ASSERT_EQ(actual, expected);
  EXPECT_EQ(std::memcmp(actual.data(), expected.data(), actual.size() * sizeof(double)), 0);
}

void expect_reference(const KMeansState& state, const Matrix& rows, std::uint64_t seed) {
  for (const KMeansPair& pair : state.pairs) {
    SCOPED_TRACE("K " + std::to_string(pair.clusters) + ", restart " + std::to_string(pair.restart));
    EXPECT_EQ(pair.phase, KMeansPhase::iterating);
    expect_same_floats(pair.centroids, reference_parallel(rows, seed, pair.restart, pair.clusters));
  }
}

/// 1 to 8 ranks, some of them without rows.
Shares random_shares(std::int64_t rows, std::mt19937& generator) {
  Shares shares(1 + generator() % 8);
  std::int64_t left = rows;
  for (std::size_t r = 0; r + 1 < shares.size(); ++r) {
    if (generator() % 3 == 0) continue;
    shares[r] = static_cast<std::int64_t>(generator() % static_cast<std::uint64_t>(left + 1));
    left -= shares[r];
  }
  shares.back() = left;
  return shares;
}

std::int64_t distinct_rows(const Matrix& rows) {
  std::set<std::vector<double>> distinct;
  for (std::int64_t i = 0; i < rows.rows; ++i) distinct.insert({rows.row(i), rows.row(i + 1)});
  return std::ssize(distinct);
}

/// n normal rows around each of `blobs` centres.
Matrix blob_rows(std::int64_t rows, int dim, int blobs, unsigned seed) {
  const Matrix centres = random_rows(blobs, dim, false, seed);
  Matrix matrix = random_rows(rows, dim, false, seed + 1);
  for (std::int64_t i = 0; i < rows; ++i) {
    for (int d = 0; d < dim; ++d) {
      matrix.values[static_cast<std::size_t>(i * dim + d)] *= 0.5F;
      matrix.values[static_cast<std::size_t>(i * dim + d)] += 2.0F * centres.row(i % blobs)[d];
    }
  }
  return matrix;
}

TEST(KMeansParallel, EqualsThePlainLoopsOnAnySplitThreadsAndPath) {
  std::mt19937 generator(1);
  for (unsigned seed = 0; seed < 40; ++seed) {
    const auto n = static_cast<std::int64_t>(1 + generator() % 250);
    const int dim = static_cast<int>(1 + generator() % 24);
    const Matrix rows = random_rows(n, dim, seed % 3 == 0, seed);
    const auto most = static_cast<std::uint32_t>(std::min<std::int64_t>(distinct_rows(rows), 40));
    std::vector<int> clusters{1};
    while (clusters.size() < 1 + seed % 3) clusters.push_back(static_cast<int>(1 + generator() % most));
    for (const SimdPath path : supported_simd_paths()) {
      KMeansOptions options = parallel_options(clusters, seed);
      options.restarts = 1 + static_cast<int>(seed % 2);
      options.threads = 1 + static_cast<int>(generator() % 3);
      options.path = path;
      const Shares shares = random_shares(n, generator);
      SCOPED_TRACE("seed " + std::to_string(seed) + ", n " + std::to_string(n) + ", D " + std::to_string(dim) +
                   ", ranks " + std::to_string(shares.size()) + ", threads " + std::to_string(options.threads) + ", " +
                   std::string(name(path)));
      expect_reference(seeded(rows, options, shares), rows, seed);
    }
  }
  std::string paths;
  for (const SimdPath path : supported_simd_paths()) paths += " " + std::string(name(path));
  std::printf("paths that ran:%s\n", paths.c_str());
}

// More than one piece of candidates per thread; each number of tries; and more rounds than five.
TEST(KMeansParallel, ManyClusters) {
  const Matrix rows = random_rows(1300, 2, false, 5);
  for (const int clusters : {200, 300, 500, 1030}) {
    KMeansOptions options = parallel_options({clusters}, 8);
    options.threads = 3;
    expect_reference(seeded(rows, options, {900, 0, 400}), rows, 8);
  }
}

// With this seed 12 iterations over the candidates would be needed: the limit counts.
TEST(KMeansParallel, ManyIterations) {
  const Matrix rows = random_rows(900, 6, false, 31);
  expect_reference(seeded(rows, parallel_options({40}, 2), {400, 500}), rows, 2);
}

TEST(KMeansParallel, LongRows) {
  const Matrix rows = random_rows(130, 3000, false, 12);
  KMeansOptions options = parallel_options({9}, 4);
  options.threads = 3;
  expect_reference(seeded(rows, options, {130}), rows, 4);
}

// A row far away must not drown the others' weights; nor may weights be too small for a fixed unit.
TEST(KMeansParallel, WeightsOfVeryDifferentSize) {
  for (const float size : {1e-30F, 1.0F}) {
    Matrix rows = random_rows(120, 3, false, 9);
    for (std::size_t i = 0; i < rows.values.size(); ++i) rows.values[i] *= i < 3 ? 1e10F * size : size;
    expect_reference(seeded(rows, parallel_options({2, 7, 60}, 3), {50, 70}), rows, 3);
  }
}

/// Neighbours whose scores are equal, for their difference is far below the rounding of the products.
Matrix close_rows() {
  Matrix rows{200, 4, {}};
  for (int i = 0; i < 200; ++i) {
    const auto step = static_cast<float>(i % 50);
    rows.values.insert(rows.values.end(), {1000.0F + step * 0x1p-13F, 500.0F, -300.0F, i % 3 == 0 ? 0.0F : -0.0F});
  }
  return rows;
}

TEST(KMeansParallel, TellsRowsApartThatScoresCannot) {
  const Matrix rows = close_rows();
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const KMeansState state = seeded(rows, parallel_options({8, 50}, seed), {70, 130});
    expect_reference(state, rows, seed);
    std::set<std::vector<double>> distinct;
    const std::vector<double>& centroids = state.pairs[1].centroids;
    for (auto at = centroids.begin(); at != centroids.end(); at += 4) distinct.insert({at, at + 4});
    EXPECT_EQ(distinct.size(), 50U);
  }
}

TEST(KMeansParallel, AsManyClustersAsDistinctRows) {
  Matrix rows{60, 3, {}};
  for (int i = 0; i < 60; ++i) rows.values.insert(rows.values.end(), {float(i % 10), i % 2 == 0 ? 0.0F : -0.0F, 1.0F});
  Matrix all_differ{40, 1, {}};
  for (int i = 0; i < 40; ++i) all_differ.values.push_back(static_cast<float>(i * i));
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    EXPECT_EQ(run_kmeans(rows, parallel_options({10}, seed), {}, {60}).front().inertia.front(), 0.0);
    EXPECT_EQ(run_kmeans(all_differ, parallel_options({40}, seed), {}, {11, 29}).front().inertia.front(), 0.0);
  }
}

TEST(KMeansParallel, FewerDistinctRowsThanClusters) {
  for (const Matrix& rows : {close_rows(), Matrix{30, 2, std::vector<float>(60, 0.0F)}}) {
    const std::int64_t distinct = distinct_rows(rows);
    std::atomic<int> errors{0};
    run_on_threads(3, [&](Communicator& comm) {
      const CopiedRows mine(rows, comm.rank() == 2 ? 12 : 0, comm.rank() == 2 ? rows.rows - 12 : 12 * comm.rank());
      try {
        (void)kmeans(mine, parallel_options({1, static_cast<int>(distinct) + 1}, 7), {}, comm);
      } catch (const AgreedError& e) {
        ++errors;
        EXPECT_EQ(e.exit_code(), ExitCode::bad_input);
        EXPECT_NE(std::string(e.what()).find("Only " + std::to_string(distinct) + " distinct rows"), std::string::npos)
            << e.what();
      }
    });
    EXPECT_EQ(errors, 3);
  }
}

TEST(KMeansParallel, PairsDoNotInfluenceEachOther) {
  const Matrix rows = random_rows(180, 9, false, 7);
  KMeansOptions options = parallel_options({60, 3, 25}, 5);
  options.restarts = 3;
  const KMeansState together = seeded(rows, options, {100, 80});
  options.restarts = 1;
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}, std::size_t{2}}) {
    const KMeansPair& pair = together.pairs[3 * i];
    options.clusters = {pair.clusters};
    EXPECT_EQ(seeded(rows, options, {180}).pairs.front(), pair);
  }
  EXPECT_NE(together.pairs[0].centroids, together.pairs[1].centroids);
}

/// Runs until the rank asks to stop in pass `pass`; the state that was saved then, of rank 0.
KMeansState interrupted(const Matrix& rows, const KMeansOptions& options, int pass) {
  KMeansState saved;
  std::atomic<int> errors{0};
  run_on_threads(3, [&](Communicator& comm) {
    const CopiedRows mine(rows, comm.rank() == 2 ? 60 : 0, comm.rank() == 2 ? rows.rows - 60 : 60 * comm.rank());
    KMeansOptions of_rank = options;
    int passes = 0;
    if (comm.rank() == 1) of_rank.stop_requested = [&] { return ++passes == pass; };
    of_rank.save = [&](const KMeansState& state) {
      if (comm.rank() == 0) saved = state;
    };
    try {
      (void)kmeans(mine, of_rank, {}, comm);
    } catch (const AgreedError& e) {
      EXPECT_EQ(e.exit_code(), ExitCode::interrupted);
      ++errors;
    }
    EXPECT_EQ(passes, comm.rank() == 1 ? pass : 0);
  });
  EXPECT_EQ(errors, 3);
  return saved;
}

// Six passes: one for the first candidate, five for those of the rounds.
TEST(KMeansParallel, AStopWhileSeedingLosesNothing) {
  const Matrix rows = random_rows(200, 5, false, 21);
  KMeansOptions options = parallel_options({4, 12}, 2);
  options.max_iterations = 5;
  const auto expected = run_kmeans(rows, options, {}, {200});
  for (int pass = 1; pass <= 6; ++pass) {
    const KMeansState state = interrupted(rows, options, pass);
    ASSERT_EQ(state.pairs.size(), 2U);
    for (const KMeansPair& pair : state.pairs) {
      EXPECT_EQ(pair.phase, pass < 6 ? KMeansPhase::seeding : KMeansPhase::iterating);
      EXPECT_EQ(pair.centroids.empty(), pass < 6);
    }
    options.resume = &state;
    const auto resumed = run_kmeans(rows, options, {}, {150, 50});
    options.resume = nullptr;
    for (std::size_t i = 0; i < expected.size(); ++i) expect_same(resumed[i], expected[i]);
  }
}

TEST(KMeansParallel, SeedsAndRestartsDiffer) {
  const Matrix rows = random_rows(300, 4, false, 17);
  std::set<std::vector<double>> starts;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    KMeansOptions options = parallel_options({8}, seed);
    options.restarts = 2;
    for (const KMeansPair& pair : seeded(rows, options, {300}).pairs) starts.insert(pair.centroids);
  }
  EXPECT_EQ(starts.size(), 8U);
}

struct Inertia {
  double first = 0.0;
  double final = 0.0;
};

/// Mean over some seeds.
Inertia mean_inertia(const Matrix& rows, int clusters, Init init) {
  constexpr int seeds = 8;
  Inertia mean;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    KMeansOptions options = parallel_options({clusters}, seed);
    options.init = init;
    options.max_iterations = 100;
    SelfCommunicator self;
    const auto result = kmeans(MemoryRows(rows.values, rows.dim), options, {}, self).front();
    mean.first += result.inertia.front() / seeds;
    mean.final += result.final_inertia / seeds;
  }
  return mean;
}

TEST(KMeansParallel, StartsBetterThanRandomRowsAndEndsAsKMeansPlusPlus) {
  for (const int clusters : {20, 35, 50}) {
    const Matrix rows = blob_rows(3000, 8, clusters, static_cast<unsigned>(clusters));
    const Inertia parallel = mean_inertia(rows, clusters, Init::kmeans_parallel);
    const Inertia plus_plus = mean_inertia(rows, clusters, Init::kmeans_plus_plus);
    const Inertia random = mean_inertia(rows, clusters, Init::random);
    EXPECT_LT(parallel.first, 0.5 * random.first) << clusters;
    EXPECT_LT(parallel.first, plus_plus.first) << clusters;
    EXPECT_LT(parallel.final, 1.03 * plus_plus.final) << clusters;
  }
}

}  // namespace kmeans_parallel_test
}  // namespace datus::test
