#include "datus/core/names.hpp"
#include "pipeline/pending/run_size.hpp"

#include <gtest/gtest.h>

// Estimates of bytes when means were measured: these count, in place of the assumptions.
namespace datus::test {
namespace known_sizes_test {

constexpr GridSize grid{14, 14};
constexpr int dim = 64;

ImageList list_of(int images) {
  ImageList list;
  list.shard_size = 8;
  for (int i = 0; i < images; ++i) list.images.push_back({zero_padded(i, 8) + ".jpg", 100'000, 640, 480, ""});
  return list;
}

RunSize size_of(const ImageList& list, const KnownSizes& known, std::vector<int> clusters = {27}) {
  Config config;
  config.cluster.k = std::move(clusters);
  return estimate_run_size(config, list, grid, dim, dim, known);
}

TEST(KnownSizes, NothingKnownIsTheEstimate) {
  const ImageList list = list_of(20);
  Config config;
  EXPECT_EQ(size_of(list, {}), estimate_run_size(config, list, grid, dim, dim));
}

TEST(KnownSizes, SegmentsOfAnImage) {
  const ImageList list = list_of(20);
  const RunSize few = size_of(list, {.segments_per_image = 2.25});
  const RunSize more = size_of(list, {.segments_per_image = 4.5});
  // 2.25 more for each of 20 images: a vector, its image and number; a box and a size; a label; an index.
  EXPECT_EQ(more.descriptors - few.descriptors, 45 * (4 * dim + 12));
  EXPECT_EQ(more.segments - few.segments, 45 * 12);
  EXPECT_EQ(more.clusters - few.clusters, 45 * 4);
  EXPECT_EQ(more.other - few.other, 45 * 8);
  EXPECT_EQ(more.keys, few.keys);
  EXPECT_EQ(more.masks, few.masks);
}

TEST(KnownSizes, MasksOfReadableImagesAndEachK) {
  ImageList list = list_of(20);
  list.images[3].width = list.images[3].height = 0;
  const KnownSizes known{.mask_bytes = 1000.5, .mask_and_preview_bytes = 3000};
  EXPECT_EQ(size_of(list, known, {27}).masks, 19'010 + 3 * 256);
  EXPECT_EQ(size_of(list, known, {27, 30, 256}).masks, 2 * 19'010 + 57'000 + 3 * 3 * 256);
}

TEST(KnownSizes, TheReport) {
  const ImageList list = list_of(20);
  const auto other = [&](double bytes) { return size_of(list, {.report_bytes = bytes}).other; };
  EXPECT_EQ(other(5e6) - other(1e6), 4'000'000);
}

}  // namespace known_sizes_test
}  // namespace datus::test
