// SPDX-License-Identifier: Apache-2.0
#include "pipeline/report/report_page.hpp"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace datus::test {
namespace report_page_test {

/// A report in which every text is hostile; each has a number of its own.
ReportData hostile_data() {
  const auto text = [](int number) { return "<script src=\"x\">&" + std::to_string(number) + "</script>"; };
  ReportData data;
  data.title = text(1);
  data.image_count = 12;
  data.images = {{3, text(2), true}};
  data.class_names = {text(3), "plain"};
  data.classes = 2;
  data.has_truth = true;
  data.settings = text(4);
  data.backend = text(5);
  data.images_description = text(6);
  ReportResult result;
  result.k = 2;
  result.mapping = {0, -1};
  result.iou = {0.5, std::nullopt};
  Evaluation evaluation;
  evaluation.k = 2;
  ProtocolScores scores;
  scores.protocol = text(7);
  scores.scores.miou = 0.5;
  scores.intervals.miou = {0.25, 0.75};
  scores.provenance = {{"fitted_on", text(8)}};
  evaluation.protocols = {scores};
  result.evaluation = evaluation;
  data.results = {result};
  return data;
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(ReportPage, TextsAreEscaped) {
  const std::string page = report_page(hostile_data());
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_EQ(page.find("src=\"x\""), std::string::npos);
  for (int number = 1; number <= 8; ++number) {
    const std::string escaped = "&lt;script src=&quot;x&quot;&gt;&amp;" + std::to_string(number) + "&lt;/script&gt;";
    EXPECT_GE(count_of(page, escaped), 1U) << number;
  }
}

TEST(ReportPage, ShowsEveryPictureOfAnImage) {
  const std::string page = report_page(hostile_data());
  for (const char* what : {"image", "segments", "k002", "k002-classes", "truth"}) {
    EXPECT_EQ(count_of(page, "<img loading=\"lazy\" src=\"" + picture_name(3, what) + "\""), 1U) << what;
  }
  EXPECT_EQ(picture_name(12, "segments"), "images/000012-segments.png");
  EXPECT_NE(page.find("1 of 12 images"), std::string::npos);
}

TEST(ReportPage, WithoutGroundTruthThereAreNoScores) {
  ReportData data = hostile_data();
  data.has_truth = false;
  data.images[0].has_truth = false;
  data.results[0].evaluation.reset();
  data.results[0].mapping.clear();
  const std::string page = report_page(data);
  EXPECT_NE(page.find("no ground truth"), std::string::npos);
  data.has_truth = true;
  EXPECT_EQ(report_page(data).find("no ground truth"), std::string::npos);
  data.evaluation_failure = "<b> has 2 x 2 pixels";
  EXPECT_NE(report_page(data).find("Evaluation failed: &lt;b&gt; has 2 x 2 pixels"), std::string::npos);
  EXPECT_EQ(page.find("-classes.png"), std::string::npos);
  EXPECT_EQ(page.find("truth.png"), std::string::npos);
}

}  // namespace report_page_test
}  // namespace datus::test
