// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/run_directory.hpp"
#include "pipeline/stages/mask_output.hpp"

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace mask_test {

TEST(ClusterOfPatches, PatchesTakeTheClusterOfTheirSegment) {
  const std::vector<std::int16_t> segments = {0, 0, -1, 2, 1, -1};
  const std::vector<std::int32_t> clusters = {7, 0, 65000};
  EXPECT_EQ(cluster_of_patches(segments, clusters), (std::vector<std::int32_t>{7, 7, no_label, 65000, 0, no_label}));
}

TEST(ClusterOfPatches, AnImageWithoutValidSegmentsIsUnassigned) {
  const std::vector<std::int16_t> segments(5, -1);
  EXPECT_EQ(cluster_of_patches(segments, {}), std::vector<std::int32_t>(5, no_label));
  EXPECT_TRUE(cluster_of_patches({}, {}).empty());
}

TEST(MaskName, StandsInTheFolderOfItsImage) {
  EXPECT_EQ(mask_name("a.b/c.d.jpg"), "a.b/c.d.png");
  EXPECT_EQ(RunDirectory("run").mask(27, "a.b/c.d.jpg"), "run/masks/k027/a.b/c.d.png");
}

}  // namespace mask_test
}  // namespace datus::test
