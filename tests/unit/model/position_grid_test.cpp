// SPDX-License-Identifier: Apache-2.0
#include "model/vit/position_grid.hpp"

#include <cmath>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/upsample_bicubic2d.h>
#include <gtest/gtest.h>

namespace datus::test {
namespace position_grid_test {

constexpr int dim = 3;

std::vector<float> positions(int native) {
  std::vector<float> values(static_cast<std::size_t>(native * native * dim));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<float>(i * i));
  return values;
}

/// The interpolation that the models' own code calls, in double precision.
std::vector<double> torch_result(const std::vector<float>& stored, int native, GridSize grid, PositionRule rule) {
  auto copy = stored;
  const at::Tensor input =
      at::from_blob(copy.data(), {1, native, native, dim}, at::kFloat).permute({0, 3, 1, 2}).to(at::kDouble);
  at::Tensor output;
  if (rule == PositionRule::size_antialias) {
    output = at::_upsample_bicubic2d_aa(input, {grid.rows, grid.cols}, false);
  } else {
    const double offset = rule == PositionRule::offset ? 0.1 : 0.0;
    output = at::upsample_bicubic2d(input, {grid.rows, grid.cols}, false, (grid.rows + offset) / native,
                                    (grid.cols + offset) / native);
  }
  output = output.permute({0, 2, 3, 1}).contiguous();
  return {output.data_ptr<double>(), output.data_ptr<double>() + output.numel()};
}

TEST(PositionGrid, EqualsTheLibrarysInterpolation) {
  for (const PositionRule rule : {PositionRule::offset, PositionRule::size, PositionRule::size_antialias}) {
    for (const GridSize grid : {GridSize{14, 14}, {28, 21}, {7, 30}, {5, 5}, {1, 2}, {16, 9}}) {
      const auto stored = positions(14);
      const auto result = resize_positions(stored, 14, dim, grid, rule);
      const auto expected = torch_result(stored, 14, grid, rule);
      ASSERT_EQ(result.size(), expected.size());
      for (std::size_t i = 0; i < result.size(); ++i) {
        ASSERT_NEAR(result[i], expected[i], 1e-6)
            << to_string(rule) << " " << grid.rows << "x" << grid.cols << " at " << i;
      }
    }
  }
}

TEST(PositionGrid, TheSizeRulesKeepTheNativeGrid) {
  const auto stored = positions(6);
  EXPECT_EQ(resize_positions(stored, 6, dim, {6, 6}, PositionRule::size), stored);
  EXPECT_EQ(resize_positions(stored, 6, dim, {6, 6}, PositionRule::size_antialias), stored);
  EXPECT_NE(resize_positions(stored, 6, dim, {6, 6}, PositionRule::offset), stored);
}

}  // namespace position_grid_test
}  // namespace datus::test
