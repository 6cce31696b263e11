// SPDX-License-Identifier: Apache-2.0
// Fast mode on a GPU: tensor cores that are as wrong as they may be do not show in a bit.
#include "kmeans_on_gpu.hpp"
#include "support/gpu_required.hpp"

#include <algorithm>
#include <cmath>

namespace datus::test {
namespace {

using Init = KMeansOptions::Init;

/// With enough clusters for tensor cores in most cases.
Case random_case(std::uint64_t seed) {
  Random random(seed);
  Case c;
  c.seed = seed;
  c.kind = static_cast<Kind>(draw(random, 0, std::ssize(kind_names) - 1));
  c.rows = draw(random, 66, 300);
  c.dim = static_cast<int>(one_in(random, 4) ? draw(random, 20, 70) : draw(random, 1, 12));
  c.options.mode = KMeansOptions::Mode::fast;
  c.options.init = one_in(random, 2) ? Init::random : Init::given;
  const std::int64_t most = std::min<std::int64_t>(c.rows, 140);
  c.options.clusters = {static_cast<int>(draw(random, 64, most))};
  if (c.options.init == Init::random) c.options.clusters.push_back(static_cast<int>(draw(random, 1, most)));
  c.options.max_iterations = static_cast<int>(draw(random, 1, 5));
  c.options.tolerance = 0.0;
  c.options.seed = random();
  return c;
}

TEST(GpuKMeansFast, GivesTheBitsOfTheProcessor) {
  DATUS_REQUIRE_GPU();
  check_property(7100, 25, random_case, [](const Case& c) {
    Random random(c.seed + 3);
    const Matrix rows = rows_of(c);
    const std::int64_t memory = one_in(random, 4) ? c.rows * c.dim : plenty;
    require_cpu_bits(rows, c.options, given_of(c, rows), random_layout(c.rows, random), memory);
  });
}

// Centroids that are nearly, or quite, the same: every row is in doubt between many.
TEST(GpuKMeansFast, DecidesBetweenManyThatAreNearlyTheSame) {
  DATUS_REQUIRE_GPU();
  Case c;
  c.seed = 11;
  c.rows = 150;
  c.dim = 33;
  c.options.mode = KMeansOptions::Mode::fast;
  c.options.init = Init::given;
  c.options.clusters = {90};
  c.options.max_iterations = 3;
  const Matrix rows = rows_of(c);
  std::vector<double> given;
  for (int k = 0; k < 90; ++k) {
    for (int d = 0; d < c.dim; ++d) {
      const float step = d == k % c.dim ? 1e-4F * static_cast<float>(k / 3) : 0.0F;
      given.push_back(rows.values[static_cast<std::size_t>(d)] + step);
    }
  }
  EXPECT_NO_THROW(require_cpu_bits(rows, c.options, given, {{70, 80}}));
}

// A centroid so far away that f32 has no number for its score; no rows lead there, but a state may.
TEST(GpuKMeansFast, ComparesExactlyWhereNothingIsKnownOfTheError) {
  DATUS_REQUIRE_GPU();
  Case c;
  c.seed = 12;
  c.rows = 100;
  c.dim = 3;
  c.options.mode = KMeansOptions::Mode::fast;
  c.options.init = Init::random;
  c.options.clusters = {64};
  c.options.max_iterations = 3;
  const Matrix rows = rows_of(c);
  const Layout layout{{70, 30}, 1, best_simd_path()};
  KMeansState state = run_somewhere(false, {layout, nullptr, 1}, rows, c.options).saved.back();
  std::vector<double>& centroids = state.pairs.front().centroids;
  std::fill_n(centroids.begin() + 15, 3, 3e38F);
  const Ending expected = run_somewhere(false, {layout, &state}, rows, c.options);
  const Ending actual = run_somewhere(true, {layout, &state}, rows, c.options);
  EXPECT_NO_THROW(require_same_bits(actual.results, expected.results, "GPU"));
  EXPECT_GT(expected.results.front().repairs, 0);
}

}  // namespace
}  // namespace datus::test
