// SPDX-License-Identifier: Apache-2.0
// First centroids on a GPU: k-means++ there, and k-means|| and random rows beside it, with the bits of the processor.
#include "kmeans_on_gpu.hpp"
#include "support/gpu_required.hpp"

#include <algorithm>

namespace datus::test {
namespace {

using Init = KMeansOptions::Init;

Case random_case(std::uint64_t seed) {
  Random random(seed);
  Case c;
  c.seed = seed;
  c.kind = static_cast<Kind>(draw(random, 0, std::ssize(kind_names) - 1));
  c.rows = draw(random, 1, one_in(random, 3) ? 300 : 40);
  c.dim = static_cast<int>(one_in(random, 4) ? draw(random, 20, 70) : draw(random, 1, 12));
  c.options.init = one_in(random, 4) ? Init::kmeans_parallel : Init::kmeans_plus_plus;
  const std::int64_t values_of_k = draw(random, 1, 3);
  for (std::int64_t i = 0; i < values_of_k; ++i) {
    c.options.clusters.push_back(static_cast<int>(draw(random, 1, std::min<std::int64_t>(c.rows, 8))));
  }
  c.options.restarts = static_cast<int>(draw(random, 1, 3));
  c.options.max_iterations = 1;
  c.options.seed = random();
  return c;
}

// Also with fewer distinct rows than clusters, which is an error, and with rows that come piece by piece.
TEST(GpuKMeansSeeding, ChoosesTheRowsOfTheProcessor) {
  DATUS_REQUIRE_GPU();
  check_property(9300, 40, random_case, [](const Case& c) {
    Random random(c.seed + 3);
    const std::int64_t memory = one_in(random, 2) ? plenty : draw(random, 1, 2 * c.rows) * c.dim * 4;
    require_cpu_bits(rows_of(c), c.options, {}, random_layout(c.rows, random), memory);
  });
}

TEST(GpuKMeansSeeding, WorksWithMiniBatches) {
  DATUS_REQUIRE_GPU();
  Case c;
  c.seed = 5;
  c.rows = 200;
  c.dim = 9;
  c.options.clusters = {4, 7};
  c.options.algorithm = KMeansOptions::Algorithm::mini_batch;
  c.options.batch_size = 64;
  c.options.epochs = 3;
  for (const Init init : {Init::kmeans_plus_plus, Init::kmeans_parallel, Init::random}) {
    c.options.init = init;
    EXPECT_NO_THROW(require_cpu_bits(rows_of(c), c.options, {}, {{50, 0, 150}, 2, best_simd_path(), 3}));
  }
}

}  // namespace
}  // namespace datus::test
