// SPDX-License-Identifier: Apache-2.0
// k-means on a GPU gives the bits of the processor's: shapes of rows and centroids, layouts, random cases.
#include "kmeans_on_gpu.hpp"
#include "support/gpu_required.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace datus::test {
namespace {

/// Whole and broken tiles of the kernels in each direction.
struct Shape {
  std::int64_t rows;
  int dim;
  int clusters;
};

void PrintTo(const Shape& shape, std::ostream* out) {
  *out << shape.rows << " rows of " << shape.dim << " values, K " << shape.clusters;
}

class GpuKMeansShape : public testing::TestWithParam<Shape> {};

TEST_P(GpuKMeansShape, GivesTheBitsOfTheProcessor) {
  DATUS_REQUIRE_GPU();
  const Shape& shape = GetParam();
  Case c;
  c.seed = static_cast<std::uint64_t>(shape.rows * 1000 + shape.dim * 7 + shape.clusters);
  c.rows = shape.rows;
  c.dim = shape.dim;
  c.options.clusters = {shape.clusters};
  c.options.init = KMeansOptions::Init::random;
  c.options.max_iterations = 3;
  c.options.tolerance = 0.0;
  for (const Kind kind : {Kind::bell, Kind::grid}) {
    c.kind = kind;
    EXPECT_NO_THROW(require_cpu_bits(rows_of(c), c.options, {}, {{c.rows}})) << text_of(c);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, GpuKMeansShape,
                         testing::Values(Shape{1, 1, 1}, Shape{2, 1, 2}, Shape{7, 3, 2}, Shape{40, 32, 27},
                                         Shape{255, 5, 32}, Shape{256, 16, 33}, Shape{257, 17, 27}, Shape{300, 65, 33},
                                         Shape{301, 7, 130}, Shape{513, 3, 64}, Shape{150, 384, 27},
                                         Shape{140, 384, 130}));

Case random_case(std::uint64_t seed) {
  Random random(seed);
  Case c;
  c.seed = seed;
  c.kind = static_cast<Kind>(draw(random, 0, std::ssize(kind_names) - 1));
  c.rows = draw(random, 1, one_in(random, 3) ? 300 : 60);
  c.dim = static_cast<int>(one_in(random, 4) ? draw(random, 20, 70) : draw(random, 1, 12));
  using Init = KMeansOptions::Init;
  c.options.init = one_of(random, std::vector<Init>{Init::random, Init::random, Init::given});
  const bool given = c.options.init == Init::given;
  const std::int64_t most = std::min<std::int64_t>(c.rows, one_in(random, 4) ? 80 : 12);
  const std::int64_t values_of_k = given ? 1 : draw(random, 1, 3);
  for (std::int64_t i = 0; i < values_of_k; ++i) c.options.clusters.push_back(static_cast<int>(draw(random, 1, most)));
  c.options.restarts = given ? 1 : static_cast<int>(draw(random, 1, 2));
  c.options.max_iterations = static_cast<int>(draw(random, 1, 6));
  c.options.tolerance = one_of(random, std::vector<double>{0.0, 0.01, 0.1});
  c.options.seed = random();
  return c;
}

// Copies and ties, tiny and huge values, clusters that stay empty, several K and restarts at once, ranks without rows.
TEST(GpuKMeans, GivesTheBitsOfTheProcessorInAnyLayout) {
  DATUS_REQUIRE_GPU();
  std::int64_t repairs = 0;
  check_property(4100, 40, random_case, [&](const Case& c) {
    Random random(c.seed + 3);
    const Matrix rows = rows_of(c);
    const std::vector<double> given = given_of(c, rows);
    Layout layout = random_layout(c.rows, random);
    require_cpu_bits(rows, c.options, given, layout);
    for (const KMeansResult& result : outcome_of(rows, c.options, given, {{c.rows}}).results) repairs += result.repairs;
  });
  EXPECT_GT(repairs, 0) << "no case has an empty cluster";
}

}  // namespace
}  // namespace datus::test
