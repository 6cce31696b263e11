// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/truth_pixels.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace truth_pixels_test {

using Names = std::vector<std::string>;

LabelMap row_of(const std::vector<std::int32_t>& labels) {
  LabelMap map(1, static_cast<int>(labels.size()));
  map.labels = labels;
  return map;
}

TEST(TruthPixels, AreCountedByClass) {
  TruthPixels pixels;
  pixels.add(row_of({1, 1, -1, 3}));
  pixels.add(row_of({0, -1, -1, 1}));
  EXPECT_EQ(pixels.of_class, (std::vector<std::int64_t>{1, 3, 0, 1}));
  EXPECT_EQ(pixels.void_pixels, 3);
  EXPECT_EQ(pixels.total(), 8);
}

TEST(TruthPixels, TextsSayWhatIsThere) {
  const TruthPixels pixels{{0, 6, 1}, 1};
  EXPECT_EQ(truth_text(pixels, {"sky", "sea", "sand", "rock"}), "2 of 4 classes (sea, sand), 12.5 % void");
  EXPECT_EQ(truth_text(pixels, {}), "2 of 3 classes (1, 2), 12.5 % void");
  EXPECT_EQ(truth_text({{0}, 0}, {"sky"}), "0 of 1 class, 0.0 % void");
  const std::string many = truth_text({std::vector<std::int64_t>(20, 1), 0}, {});
  EXPECT_NE(many.find("20 of 20 classes (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ...)"), std::string::npos) << many;
}

TEST(TruthPixels, WarningsNameTheSettings) {
  for (const TruthPixels& doubtful :
       {TruthPixels{{5}, 4}, TruthPixels{{0, 5}, 0}, TruthPixels{{2, 2}, 5}, TruthPixels{{0, 0}, 3}}) {
    const std::string warning = truth_warning(doubtful, Names{"sky", "sea"}, 254);
    for (const char* setting : {"dataset.void (254)", "dataset.label_map", "dataset.classes"}) {
      EXPECT_NE(warning.find(setting), std::string::npos) << warning;
    }
  }
  EXPECT_EQ(truth_warning({{2, 2}, 4}, {}, 255), "");
  EXPECT_EQ(truth_warning({{2, 2}, 0}, {}, 255), "");
  EXPECT_EQ(truth_warning({}, {}, 255), "");
}

}  // namespace truth_pixels_test
}  // namespace datus::test
