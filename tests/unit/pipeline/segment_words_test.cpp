// SPDX-License-Identifier: Apache-2.0
#include "pipeline/session/segment_words.hpp"

#include "datus/io/hdf5.hpp"
#include "support/temp_folder.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace segment_words_test {

/// Ten images of 100 patches, all of whose graphs join `share` of the pairs.
SegmentTally tally_of(std::int64_t unassigned, std::int64_t without_segment, double share) {
  SegmentTally tally;
  for (int i = 0; i < 10; ++i) {
    tally.images += 1;
    tally.patches += 100;
    tally.add_graph(100, static_cast<std::int64_t>(4950 * share));
  }
  tally.unassigned = unassigned;
  tally.without_segment = without_segment;
  return tally;
}

Config config_with(const std::vector<std::string>& settings) {
  return load_config(std::nullopt, settings);
}

TEST(SegmentTally, CountsGraphsAtBothEnds) {
  SegmentTally tally;
  tally.add_graph(100, 4950);  // complete
  tally.add_graph(100, 4703);  // 95.01 %
  tally.add_graph(100, 4702);  // 94.99 %
  tally.add_graph(100, 100);   // 2.02 %
  tally.add_graph(100, 99);    // 2 %
  tally.add_graph(1, 0);       // no pair
  EXPECT_EQ(tally.nearly_complete, 2);
  EXPECT_EQ(tally.nearly_empty, 1);
  EXPECT_EQ(tally.pairs, 5 * 4950);
  EXPECT_EQ(tally.joined, 4950 + 4703 + 4702 + 100 + 99);
  EXPECT_EQ(SegmentTally().joined_share(), std::nullopt);
}

TEST(SegmentTally, IsReadAsWritten) {
  const TempFolder folder;
  const SegmentTally tally = tally_of(123, 4, 0.97);
  {
    Hdf5Writer writer(folder / "with.h5");
    write_tally(writer, tally);
    writer.close();
    Hdf5Writer without(folder / "without.h5");
    without.close();
  }
  EXPECT_EQ(read_tally(Hdf5Reader(folder / "with.h5")), tally);
  EXPECT_EQ(read_tally(Hdf5Reader(folder / "without.h5")), std::nullopt);
}

TEST(SegmentWords, AWarningFromAFifthOnOrForAnImageWithoutSegment) {
  EXPECT_EQ(tally_warning(tally_of(200, 0, 0.5), {}), "");
  EXPECT_NE(tally_warning(tally_of(201, 0, 0.5), {}), "");
  EXPECT_NE(tally_warning(tally_of(100, 1, 0.5), {}), "");
}

TEST(SegmentWords, TheEdgeShareDecidesWhichSettingHelps) {
  const auto expect_advice = [](double share, const std::vector<std::string>& settings, const std::string& advice) {
    const std::string text = tally_warning(tally_of(300, 0, share), config_with(settings));
    EXPECT_NE(text.find(advice), std::string::npos) << advice << "\n" << text;
  };
  expect_advice(0.99, {}, ": set affinity.center: image, or raise affinity.threshold (0).");
  expect_advice(0.99, {"affinity.center=image", "affinity.threshold=1.5"}, ": raise affinity.threshold (1.5).");
  expect_advice(0.99, {"affinity.center=dataset", "affinity.threshold=1.5"}, ": raise affinity.threshold (1.5).");
  expect_advice(0.99, {"affinity.quantile=0.1"}, ": raise affinity.quantile (0.1).");
  expect_advice(0.01, {"affinity.threshold=9"}, ": lower affinity.threshold (9), or set affinity.quantile");
  expect_advice(0.01, {"affinity.quantile=0.99"}, ": lower affinity.quantile (0.99).");
  expect_advice(0.5, {"segment.min_patches=7"}, ": lower segment.min_patches (7), or segment.resolution.");
  EXPECT_NE(tally_warning(tally_of(300, 2, 0.99), {}).find("30.0 % of the patches in no segment, 2 of 10 images "),
            std::string::npos);
}

// A few frames of one colour among many good photos: their graphs tell, the mean does not.
TEST(SegmentWords, AFewCompleteGraphsAmongMany) {
  SegmentTally tally = tally_of(0, 1, 0.4);
  tally.add_graph(100, 4950);
  EXPECT_NE(tally_warning(tally, {}).find("affinity.center: image"), std::string::npos) << tally_warning(tally, {});
}

}  // namespace segment_words_test
}  // namespace datus::test
