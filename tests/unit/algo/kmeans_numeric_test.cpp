// SPDX-License-Identifier: Apache-2.0
// Fixed-point scales, small and large numbers, float modes, empty clusters, stopping.
#include "datus/comm/self_communicator.hpp"
#include "kmeans_reference.hpp"

#include <string>

#include <xmmintrin.h>

namespace datus::test {
namespace kmeans_numeric_test {

KMeansOptions given(int clusters, int iterations) {
  KMeansOptions options;
  options.clusters = {clusters};
  options.init = KMeansOptions::Init::given;
  options.max_iterations = iterations;
  options.tolerance = 0.0;
  return options;
}

Matrix scaled(Matrix rows, float factor) {
  for (float& value : rows.values) value *= factor;
  return rows;
}

TEST(KMeansNumeric, ScalesLeaveNoTotalBeyond2To62) {
  for (const std::int64_t n : {2, 3, 1000, 1024, 1025, 20000}) {
    for (const float largest : {1.0F, 0.99F, 3.0F, 1e-40F, 1e17F}) {
      Matrix rows{n, 1, std::vector<float>(static_cast<std::size_t>(n), -largest)};
      rows.values.back() = largest;  // Otherwise they would be subtracted from themselves.
      const KMeansResult result = run_kmeans(rows, given(1, 1), {static_cast<double>(largest)}, {n}).front();
      const double sum = static_cast<double>(n) * std::ldexp(static_cast<double>(largest), result.sum_scale_log2);
      EXPECT_LT(sum, 0x1p62);
      EXPECT_GT(sum, n > 2000 ? 0x1p58 : 0x1p48);  // And no bits are given away.
      const auto size = static_cast<double>(largest);
      const double mean = -size * static_cast<double>(n - 2) / static_cast<double>(n);
      EXPECT_NEAR(result.centroids.front(), mean, 1e-7 * size);
      const double inertia = 4.0 * size * size;
      EXPECT_LT(static_cast<double>(n) * std::ldexp(inertia, result.inertia_scale_log2), 0x1p62);
      EXPECT_NEAR(result.inertia.front() / (static_cast<double>(n - 1) * inertia), 1.0, 1e-9);
    }
  }
}

// Centroids far outside the rows count for the scale of the inertia.
TEST(KMeansNumeric, FarCentroids) {
  const Matrix rows = random_rows(50, 3, false, 1);
  const std::vector<double> far{1e6F, 0.0F, 0.0F, 0.0F, -2e6F, 0.0F};
  const KMeansResult result = run_kmeans(rows, given(2, 5), far, {50}).front();
  expect_same(result, reference_kmeans(rows, given(2, 5), 2, far, result));
  EXPECT_NEAR(result.inertia.front(), 50e12, 1e8);
}

TEST(KMeansNumeric, TinyAndHugeRows) {
  for (const float factor : {1e-44F, 1e-39F, 1e-22F, 1e-10F, 1e10F, 1e17F}) {
    SCOPED_TRACE(factor);
    const Matrix rows = scaled(random_rows(70, 5, false, 2), factor);
    for (const SimdPath path : supported_simd_paths()) {
      KMeansOptions options = given(4, 6);
      options.path = path;
      const std::vector<double> start = rows_at(rows, {1, 20, 33, 69});
      const KMeansResult result = run_kmeans(rows, options, start, {70}).front();
      expect_same(result, reference_kmeans(rows, options, 4, start, result));
    }
  }
}

// Far from 0 their distances are those of double precision.
TEST(KMeansNumeric, RowsFarFromTheOrigin) {
  Matrix rows = random_rows(200, 7, false, 4);
  for (float& value : rows.values) value = 1000.0F + 0.01F * value;
  const std::vector<double> start = rows_at(rows, {1, 2});
  for (const SimdPath path : supported_simd_paths()) {
    KMeansOptions options = given(2, 3);
    options.path = path;
    const KMeansResult result = run_kmeans(rows, options, start, {200}).front();
    EXPECT_FALSE(result.origin.empty());
    expect_same(result, reference_kmeans(rows, options, 2, start, result));
  }
}

/// Sets the register for its lifetime; threads that start meanwhile inherit it.
class FloatMode {
 public:
  explicit FloatMode(unsigned mode) : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | mode); }
  ~FloatMode() { _mm_setcsr(saved_); }
  FloatMode(const FloatMode&) = delete;
  FloatMode& operator=(const FloatMode&) = delete;

 private:
  unsigned saved_;
};

// Products of 1e-20 are denormal: with flush-to-zero (bit 15) and denormals-are-zero (bit 6) all scores would be 0;
// with another rounding (bits 13 and 14) they would differ in the last bit.
TEST(KMeansNumeric, TheCallersFloatModeDoesNotShowAndIsKept) {
  const Matrix rows = scaled(random_rows(130, 6000, false, 3), 1e-21F);
  for (const SimdPath path : supported_simd_paths()) {
    KMeansOptions options;
    options.clusters = {3};
    options.max_iterations = 3;
    options.threads = 3;
    options.path = path;
    SelfCommunicator comm;
    const CopiedRows all(rows, 0, rows.rows);
    const KMeansResult expected = kmeans(all, options, {}, comm).front();
    EXPECT_NE(std::ranges::max(expected.assignment), 0);
    const FloatMode unusual(1U << 15U | 1U << 6U | 1U << 13U);
    const unsigned before = _mm_getcsr() & 0xE040U;
    const KMeansResult result = kmeans(all, options, {}, comm).front();
    EXPECT_EQ(_mm_getcsr() & 0xE040U, before);
    expect_same(result, expected);
  }
}

TEST(KMeansNumeric, InertiaNeverRises) {
  std::int64_t repairs = 0;
  for (unsigned seed = 0; seed < 20; ++seed) {
    const Matrix rows = random_rows(400, 2 + static_cast<int>(seed) * 5, seed % 3 == 0, seed);
    KMeansOptions options = given(20, 300);
    std::vector<std::int64_t> chosen;
    for (std::int64_t k = 0; k < 20; ++k) chosen.push_back(seed % 2 == 0 ? k : k / 2);
    KMeansResult result = run_kmeans(rows, options, rows_at(rows, chosen), {400}).front();
    EXPECT_TRUE(result.converged);
    repairs += result.repairs;
    result.inertia.push_back(result.final_inertia);
    for (std::size_t t = 1; t < result.inertia.size(); ++t) {
      EXPECT_LE(result.inertia[t], result.inertia[t - 1] * (1.0 + 1e-6));
    }
  }
  EXPECT_GE(repairs, 100);
}

/// The centroids after some iterations over rows on a line, which two ranks share.
std::vector<double> on_a_line(const std::vector<float>& values, const std::vector<double>& first, int iterations) {
  const auto count = std::ssize(values);
  const Matrix rows{count, 1, values};
  return run_kmeans(rows, given(static_cast<int>(first.size()), iterations), first, {1, count - 1}).front().centroids;
}

// All rows are in cluster 0: the farthest one goes to cluster 1, the next to cluster 2, and 0 has the mean of the rest.
TEST(KMeansNumeric, EmptyClustersGetTheFarthestRows) {
  EXPECT_EQ(on_a_line({20.0F, 0.0F, 1.0F, 10.0F, 2.0F}, {3.0, 3.0, 3.0}, 1), (std::vector<double>{1.0, 20.0, 10.0}));
}

TEST(KMeansNumeric, OfEquallyFarRowsTheLowestGoes) {
  EXPECT_EQ(on_a_line({0.0F, 4.0F, -4.0F}, {0.0, 0.0}, 1), (std::vector<double>{-2.0, 4.0}));
}

// Cluster 2 gets the only row of cluster 1, which goes to the mean of cluster 0; there it is empty in the next
// iteration, and gets the first of the farthest rows, 0.
TEST(KMeansNumeric, AClusterMayLoseItsOnlyRow) {
  const std::vector<float> rows{0.0F, 1.0F, 2.0F, 100.0F};
  EXPECT_EQ(on_a_line(rows, {1.0, 90.0, 500.0}, 1), (std::vector<double>{1.0, 1.0, 100.0}));
  EXPECT_EQ(on_a_line(rows, {1.0, 90.0, 500.0}, 2), (std::vector<double>{1.5, 0.0, 100.0}));
}

// f64 has no number for the squares of these distances.
TEST(KMeansNumeric, RowsThatAreNotApartInF64LeaveAClusterEmpty) {
  const MemoryRows rows(AlignedVector<double>{1e-170, 2e-170, 3e-170}, 1);
  SelfCommunicator comm;
  testing::internal::CaptureStderr();
  const KMeansResult result = kmeans(rows, given(2, 10), std::vector<double>{2e-170, 2e-170}, comm).front();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(result.repairs, 0);
  EXPECT_EQ(result.assignment, (std::vector<std::int32_t>{0, 0, 0}));
  EXPECT_NE(log.find("K = 2, restart 0: 1 empty clusters stay empty"), std::string::npos) << log;
}

TEST(KMeansNumeric, RepairsGoOnUntilTheClustersAreInUse) {
  const Matrix rows = random_rows(200, 4, false, 9);
  std::vector<double> alike;
  for (int k = 0; k < 12; ++k) alike.insert(alike.end(), rows.row(5), rows.row(6));
  const KMeansResult result = run_kmeans(rows, given(12, 100), alike, {90, 110}).front();
  expect_same(result, reference_kmeans(rows, given(12, 100), 12, alike, result));
  EXPECT_GE(result.repairs, 11);
  EXPECT_LT(result.final_inertia, 0.8 * result.inertia.front());
}

TEST(KMeansNumeric, StopsByToleranceAndStoresTheLastUpdate) {
  const Matrix rows = random_rows(500, 6, false, 10);
  KMeansOptions options;
  options.clusters = {15};
  options.tolerance = 0.05;
  const KMeansResult result = run_kmeans(rows, options, {}, {500}).front();
  ASSERT_TRUE(result.converged);
  const std::size_t t = result.inertia.size();
  ASSERT_GE(t, 3U);
  EXPECT_LE(result.inertia[t - 2] - result.inertia[t - 1], 0.05 * result.inertia[t - 2]);
  EXPECT_GT(result.inertia[t - 3] - result.inertia[t - 2], 0.05 * result.inertia[t - 3]);
  EXPECT_LT(result.final_inertia, result.inertia.back());
}

// Equality is enough. Tolerances that are exactly reached are found by computing them from the inertia.
TEST(KMeansNumeric, StopsWhenTheToleranceIsExactlyMet) {
  int found = 0;
  for (unsigned seed = 0; seed < 20; ++seed) {
    const Matrix rows = random_rows(100, 3, false, seed);
    const std::vector<double> start = rows_at(rows, {1, 2, 3, 4, 5});
    KMeansOptions options = given(5, 300);
    const KMeansResult whole = run_kmeans(rows, options, start, {100}).front();
    ASSERT_GT(whole.inertia.size(), 2U);
    const double gain = whole.inertia[0] - whole.inertia[1];
    options.tolerance = gain / whole.inertia[0];
    if (options.tolerance * whole.inertia[0] != gain) continue;
    const KMeansResult stopped = run_kmeans(rows, options, start, {100}).front();
    EXPECT_EQ(stopped.inertia.size(), 2U);
    EXPECT_TRUE(stopped.converged);
    EXPECT_EQ(stopped.final_inertia, whole.inertia[2]);
    ++found;
  }
  EXPECT_GT(found, 5);
}

TEST(KMeansNumeric, KeepsTheBestRestart) {
  const Matrix rows = random_rows(120, 2, false, 14);
  KMeansOptions options;
  options.clusters = {9};
  options.init = KMeansOptions::Init::random;
  options.restarts = 8;
  const KMeansResult best = run_kmeans(rows, options, {}, {120}).front();
  for (options.restarts = 1; options.restarts < 8; ++options.restarts) {
    const KMeansResult fewer = run_kmeans(rows, options, {}, {120}).front();
    EXPECT_GE(fewer.final_inertia, best.final_inertia);
    if (fewer.restart == best.restart) expect_same(fewer, best);
  }
  EXPECT_GT(best.restart, 0);
}

}  // namespace kmeans_numeric_test
}  // namespace datus::test
