// SPDX-License-Identifier: Apache-2.0
#include "datus/core/names.hpp"
#include "pipeline/pending/run_size.hpp"

#include <gtest/gtest.h>

// Estimates of bytes when the number of segments is known: it counts, in place of the assumption.
namespace datus::test {
namespace known_sizes_test {

constexpr GridSize grid{14, 14};
constexpr int dim = 64;

ImageList list_of(int images) {
  ImageList list;
  list.shard_size = 8;
  for (int i = 0; i < images; ++i) list.images.push_back({zero_padded(i, 8) + ".jpg", 100'000, 640, 480});
  return list;
}

RunSize size_of(const ImageList& list, std::optional<double> segments_per_image) {
  Config config;
  return estimate_run_size(config, list, grid, dim, dim, segments_per_image);
}

TEST(KnownSizes, NothingKnownIsTheEstimate) {
  const ImageList list = list_of(20);
  Config config;
  EXPECT_EQ(size_of(list, {}), estimate_run_size(config, list, grid, dim, dim));
}

TEST(KnownSizes, SegmentsOfAnImage) {
  const ImageList list = list_of(20);
  const RunSize few = size_of(list, 2.25);
  const RunSize more = size_of(list, 4.5);
  // 2.25 more for each of 20 images: a vector, its image and number; a box and a size; a label; an index.
  EXPECT_EQ(more.descriptors - few.descriptors, 45 * (4 * dim + 12));
  EXPECT_EQ(more.segments - few.segments, 45 * 12);
  EXPECT_EQ(more.clusters - few.clusters, 45 * 4);
  EXPECT_EQ(more.other - few.other, 45 * 8);
  EXPECT_EQ(more.keys, few.keys);
  EXPECT_EQ(more.masks, few.masks);
}

}  // namespace known_sizes_test
}  // namespace datus::test
