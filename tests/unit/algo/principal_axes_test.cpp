// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/principal_axes.hpp"

#include "datus/core/error.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace principal_axes_test {

/// Points of a plane, put into `dim` dimensions along two orthogonal directions, far from the origin.
std::vector<double> placed(const std::vector<std::array<double, 2>>& points, int dim) {
  std::vector<double> rows;
  for (const auto& [u, v] : points) {
    for (int i = 0; i < dim; ++i) {
      const double first = (i % 2 == 0 ? 1.0 : -1.0) / std::sqrt(dim);
      const double second = 1.0 / std::sqrt(dim);
      rows.push_back(5.0 + u * first + v * second);
    }
  }
  return rows;
}

// By covariance (more rows than values) and by the Gram matrix (fewer) alike.
TEST(PrincipalAxes, FindsThePlaneThatPointsLieIn) {
  const std::vector<std::array<double, 2>> points = {{-4, -1}, {-2, 1.0}, {0, 0}, {1, -1}, {5, 1}, {0, 0}};
  const std::vector<std::int64_t> once(points.size(), 1);
  for (const int dim : {4, 12}) {
    const PrincipalPlane plane = principal_plane(placed(points, dim), dim, once);
    ASSERT_EQ(plane.points.size(), points.size());
    // Distances stay as they are.
    for (std::size_t i = 0; i < points.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        EXPECT_NEAR(std::hypot(plane.points[i][0] - plane.points[j][0], plane.points[i][1] - plane.points[j][1]),
                    std::hypot(points[i][0] - points[j][0], points[i][1] - points[j][1]), 1e-9);
      }
    }
    // Other rows come where they would be if they were among these.
    const std::vector<double> same = placed(points, dim);
    const std::vector<float> row(same.begin(), same.begin() + dim);
    EXPECT_NEAR(plane.place(row)[0], plane.points[0][0], 1e-5);
    EXPECT_NEAR(plane.place(row)[1], plane.points[0][1], 1e-5);
    EXPECT_NEAR(plane.shares[0] + plane.shares[1], 1, 1e-12);
    EXPECT_GT(plane.shares[0], 0.9);
    double product = 0;
    for (const auto& [x, y] : plane.points) product += x * y;
    EXPECT_NEAR(product, 0, 1e-9) << "along principal axes nothing is correlated";
  }
}

TEST(PrincipalAxes, AWeightCountsAsSoManyRows) {
  const std::vector<std::array<double, 2>> few = {{-4, -1}, {-2, 1.0}, {5, 1}};
  const std::vector<std::array<double, 2>> many = {{-4, -1}, {-2, 1.0}, {-2, 1.0}, {-2, 1.0}, {5, 1}};
  const PrincipalPlane weighted = principal_plane(placed(few, 6), 6, std::vector<std::int64_t>{1, 3, 1});
  const PrincipalPlane repeated = principal_plane(placed(many, 6), 6, std::vector<std::int64_t>(5, 1));
  EXPECT_NEAR(weighted.shares[0], repeated.shares[0], 1e-12);
  for (std::size_t axis = 0; axis < 2; ++axis) {
    EXPECT_NEAR(weighted.points[0][axis], repeated.points[0][axis], 1e-9);
    EXPECT_NEAR(weighted.points[2][axis], repeated.points[4][axis], 1e-9);
  }
}

TEST(PrincipalAxes, EqualRowsLieOnOnePoint) {
  const PrincipalPlane plane = principal_plane(std::vector<double>(12, 0.5), 4, std::vector<std::int64_t>{1, 2, 0});
  for (const auto& [x, y] : plane.points) {
    EXPECT_EQ(x, 0);
    EXPECT_EQ(y, 0);
  }
  EXPECT_EQ(plane.shares[0], 0);
  EXPECT_TRUE(principal_plane({}, 3, {}).points.empty());
  EXPECT_THROW((void)principal_plane(std::vector<double>(5), 2, std::vector<std::int64_t>{1, 1}), UsageError);
}

}  // namespace principal_axes_test
}  // namespace datus::test
