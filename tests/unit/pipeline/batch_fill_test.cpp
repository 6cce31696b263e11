// SPDX-License-Identifier: Apache-2.0
#include "pipeline/shards/batch_fill.hpp"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace batch_fill_test {

TEST(BatchFill, FirstPlacesOfCropsLieSpreadOverTheBatch) {
  for (const int batch : {1, 6, 32, 100, 128}) {
    // Any twenty consecutive shards; in each half of the places half of them, a few more or less.
    for (const std::int64_t begin : {std::int64_t{0}, std::int64_t{7}, std::int64_t{1'000'000'007}}) {
      int low = 0;
      for (std::int64_t shard = begin; shard < begin + 20; ++shard) {
        const std::size_t place = first_crop_place({shard}, batch);
        ASSERT_LT(place, static_cast<std::size_t>(batch));
        low += 2 * place < static_cast<std::size_t>(batch) ? 1 : 0;
      }
      if (batch == 1) continue;
      EXPECT_GE(low, 8) << batch << " " << begin;
      EXPECT_LE(low, 12) << batch << " " << begin;
    }
  }
  // Pinned: another one would change bits of a run that is gone on with.
  EXPECT_EQ(first_crop_place({0}, 32), 0U);
  EXPECT_EQ(first_crop_place({1}, 32), 19U);
  EXPECT_EQ(first_crop_place({2}, 32), 7U);
}

TEST(BatchFill, EmptyPlacesOfCropsAreSaid) {
  EXPECT_EQ(text_of_empty_places({.batches = 10, .crops = 288}, 32, 2), "");
  const std::string text = text_of_empty_places({.batches = 10, .crops = 200}, 32, 2);
  EXPECT_NE(text.find("batches of 32 were filled to 63 % (200 crops in 10)"), std::string::npos) << text;
  // The last batch of each rank is what it is.
  EXPECT_EQ(text_of_empty_places({.batches = 2, .crops = 5}, 32, 2), "");
  EXPECT_EQ(text_of_empty_places(CropBatchCounts{}, 32, 2), "");
}

}  // namespace batch_fill_test
}  // namespace datus
