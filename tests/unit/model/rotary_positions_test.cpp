// SPDX-License-Identifier: Apache-2.0
#include "model/torch/rotary_positions.hpp"

#include "support/golden.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>
#include <gtest/gtest.h>

namespace datus::test {
namespace rotary_positions_test {

TEST(RotaryPositions, TurnTheGoldenKeysAndQueries) {
  int checked = 0;
  const auto cases = read_json("golden/vit/cases.json");
  for (const auto& record : cases["cases"]) {
    if (record["config"]["family"] != "dinov3") continue;
    const auto golden = read_golden("golden/vit/" + record["expected"].get<std::string>());
    const int dim = record["config"]["dim"];
    const int heads = record["config"]["heads"];
    std::vector<double> periods;
    for (int i = 0; i < dim / heads / 4; ++i) periods.push_back(std::pow(100.0, i / (dim / heads / 4.0)));
    for (const auto& input : record["inputs"]) {
      const GridSize grid{input["grid"][0], input["grid"][1]};
      for (const std::string what : {"keys", "queries"}) {
        const std::string suffix = "_" + std::to_string(input["index"].get<int>());
        auto values = golden.at(what + suffix).as<float>();
        const auto expected = golden.at(what + "_rotated" + suffix).as<float>();
        const int batch = input["shape"][0];
        const at::Tensor all = at::from_blob(values.data(), {batch, grid.patches(), dim}, at::kFloat);
        for (int b = 0; b < batch; ++b) RotaryPositions(grid, periods).rotate(all.select(0, b), heads);
        float worst = 0;
        for (std::size_t i = 0; i < values.size(); ++i) worst = std::max(worst, std::abs(values[i] - expected[i]));
        EXPECT_LE(worst, 1e-5F) << what << suffix;
        ++checked;
      }
    }
  }
  EXPECT_EQ(checked, 6);
}

}  // namespace rotary_positions_test
}  // namespace datus::test
