// SPDX-License-Identifier: Apache-2.0
#include "pipeline/report/html.hpp"
#include "pipeline/report/page.hpp"

#include <optional>
#include <set>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace datus::test {
namespace report_page_test {

std::string hostile(int number) {
  return "<script src=\"x\">'&" + std::to_string(number) + "</script>";
}

/// A report in which every text is hostile; each has a number of its own.
ReportData hostile_data() {
  ReportData data;
  data.title = hostile(1);
  data.image_count = 12;
  data.names.assign(12, "other.png");
  data.names[3] = hostile(2);
  data.class_names = {hostile(3), "plain"};
  data.classes = 2;
  data.class_palette = label_palette(2);
  data.has_truth = true;
  data.settings = hostile(4);
  data.facts = {{"backend", hostile(5)}};
  data.warnings = {hostile(6)};
  data.segmentation = hostile(7);
  data.links = {{"../" + hostile(8), hostile(9)}};
  data.pictures = {{.image = 3,
                    .inputs = {},
                    .width = 4,
                    .height = 3,
                    .photo = "UEhPVE8=",
                    .maps = {{"k002", "TUFTSw=="}, {"segments", "U0VH"}, {"truth", "VFJVVEg="}},
                    .still = "TUFTSw==",
                    .pixels = {{2, {{0, 0, 6}, {0, 1, 2}, {1, 1, 4}}}},
                    .cutouts = {{7, "Q1VU"}}}};
  ReportResult result;
  result.k = 2;
  result.mapping = {0, -1};
  result.clusters.resize(2);
  result.clusters[0].matched = 0;
  result.clusters[0].nearest = {{.image = 3, .segment = 7, .distance = 0.25}};
  result.clusters[1].name = hostile(10);
  Evaluation evaluation;
  evaluation.k = 2;
  evaluation.classes = 2;
  ProtocolScores scores;
  scores.protocol = hostile(11);
  scores.scores.miou = 0.5;
  scores.scores.iou = {0.5, std::nullopt};
  scores.scores.precision = scores.scores.recall = scores.scores.iou;
  scores.scores.mapping = result.mapping;
  scores.counts = {60, 20, 0, 40};
  scores.class_pixels = {80, 60};
  scores.intervals.miou = {0.25, 0.75};
  scores.provenance = {{"fitted_on", hostile(12)}};
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

/// The JSON in the script element of that id.
nlohmann::json script_of(const std::string& page, const std::string& id) {
  const std::string begin = "<script type=\"application/json\" id=\"" + id + "\">";
  const auto from = page.find(begin) + begin.size();
  return nlohmann::json::parse(page.substr(from, page.find("</script>", from) - from));
}

TEST(ReportPage, TextsAreEscaped) {
  const std::string page = report_page(hostile_data());
  EXPECT_EQ(page.find("<script src"), std::string::npos);
  EXPECT_EQ(page.find("src=\"x\""), std::string::npos);
  for (int number = 1; number <= 12; ++number) EXPECT_GE(count_of(page, escaped(hostile(number))), 1U) << number;
  EXPECT_EQ(escaped("<a href=\"x\">'&"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
  EXPECT_EQ(script_of(page, "data")["images"][0]["name"], hostile(2));
  EXPECT_EQ(script_of(page, "data")["classes"][0]["name"], hostile(3));
}

TEST(ReportPage, HoldsThePicturesAndTheMaps) {
  const std::string page = report_page(hostile_data());
  EXPECT_EQ(count_of(page, "src=\"data:image/jpeg;base64,UEhPVE8=\""), 1U);
  EXPECT_EQ(count_of(page, "src=\"data:image/png;base64,TUFTSw==\""), 1U);
  EXPECT_EQ(count_of(page, "src=\"data:image/jpeg;base64,Q1VU\""), 1U) << "the cut-out";
  EXPECT_EQ(script_of(page, "maps-3"), (nlohmann::json{{"segments", "U0VH"}, {"truth", "VFJVVEg="}}));
  EXPECT_NE(page.find("1 of 12 images"), std::string::npos);
  EXPECT_NE(page.find("50.0 % right"), std::string::npos) << "6 of 12 pixels";
}

TEST(ReportPage, NamesPicturesThatLieApart) {
  ReportData data = hostile_data();
  data.pictures_apart = true;
  const std::string page = report_page(data);
  EXPECT_NE(page.find("src=\"pictures/000003.jpg\""), std::string::npos);
  EXPECT_NE(page.find("src=\"pictures/000003.png\""), std::string::npos);
  EXPECT_EQ(page.find("UEhPVE8="), std::string::npos);
  EXPECT_EQ(page.find("id=\"maps-3\""), std::string::npos);
}

TEST(ReportPage, SaysWhatAClusterIs) {
  const std::string page = report_page(hostile_data());
  // Cluster 0: 60 of its 80 pixels are of class 0, which has 80; cluster 1 has none of these.
  EXPECT_NE(page.find("precision 75.0 %, recall 75.0 %"), std::string::npos);
  EXPECT_NE(page.find("<dt>covers</dt><dd>" + escaped(hostile(3)) + " 75.0 %, plain 25.0 %</dd>"), std::string::npos);
  EXPECT_NE(page.find("none: no class is left for it"), std::string::npos);
  EXPECT_NE(page.find("66.7 %<span class=\"words\"> of the pixels shown"), std::string::npos) << "8 of 12";
  EXPECT_NE(page.find("1 · " + escaped(hostile(10))), std::string::npos) << "the name that a person gave";
}

TEST(ReportPage, WithoutGroundTruthThereAreNoScores) {
  ReportData data = hostile_data();
  data.has_truth = false;
  data.results[0].evaluation.reset();
  data.results[0].mapping.clear();
  data.pictures[0].maps.erase("truth");
  EXPECT_NE(report_page(data).find("no ground truth"), std::string::npos);
  EXPECT_EQ(report_page(data).find("Confusion matrix"), std::string::npos);
  data.results[0].classes_from = "run <b>";
  EXPECT_NE(report_page(data).find("Classes of the clusters: run &lt;b&gt;."), std::string::npos);
  data.has_truth = true;
  EXPECT_EQ(report_page(data).find("no ground truth"), std::string::npos);
  data.evaluation_failure = "<b> has 2 x 2 pixels";
  EXPECT_NE(report_page(data).find("Evaluation failed: &lt;b&gt; has 2 x 2 pixels"), std::string::npos);
}

TEST(ReportPage, AMatchedClusterHasTheColourOfItsClass) {
  const Palette classes = label_palette(8);
  const Palette colours = cluster_colours(5, {2, -1, 2, 0, -1}, {.count = 3});
  EXPECT_EQ(colours.of(0), classes.of(2));
  EXPECT_EQ(colours.of(3), classes.of(0));
  EXPECT_NE(colours.of(2), classes.of(2)) << "a second cluster of a class has a shade of its own";
  EXPECT_EQ(colours.of(1), classes.of(3)) << "no class has the colour of a cluster without one";
  EXPECT_EQ(colours.of(4), classes.of(4));
  EXPECT_EQ(cluster_colours(5, {}, {.count = 3}).of(4), label_palette(5).of(4));
}

TEST(ReportPage, ClassesHaveTheColoursOfTheirDataSet) {
  const ReportClasses classes{.count = 3, .given = {{0, 0, 0}, {250, 250, 250}, {128, 64, 128}}};
  const Palette colours = cluster_colours(7, {1, 0, 2, 0, 1, -1, 2}, classes);
  EXPECT_EQ(colours.of(0), (Colour{250, 250, 250})) << "never changed, however near to the page's own";
  EXPECT_EQ(colours.of(1), (Colour{0, 0, 0}));
  EXPECT_EQ(colours.of(2), (Colour{128, 64, 128}));
  std::set<std::string> all;
  for (int cluster = 0; cluster < 7; ++cluster) all.insert(hex_colour(colours.of(cluster)));
  EXPECT_EQ(all.size(), 7U) << "shades of black and white are other colours too";
  ReportData data = hostile_data();
  data.class_palette = {{{1, 2, 3}, {4, 5, 6}}, {}};
  const std::string page = report_page(data);
  EXPECT_EQ(script_of(page, "data")["classes"][1]["colour"], "#040506");
  EXPECT_EQ(count_of(page, "background:#010203"), 1U) << "the legend";
  EXPECT_EQ(count_of(page, "fill=\"#010203\""), 1U) << "the chart";
}

TEST(ReportPage, Base64) {
  // The examples of RFC 4648.
  for (const auto& [plain, text] :
       {std::pair("", ""), std::pair("f", "Zg=="), std::pair("fo", "Zm8="), std::pair("foobar", "Zm9vYmFy")}) {
    const std::string bytes = plain;
    const std::vector<std::uint8_t> values(bytes.begin(), bytes.end());
    EXPECT_EQ(base64(values), text);
    EXPECT_EQ(from_base64(text), values);
  }
  EXPECT_EQ(base64(std::vector<std::uint8_t>{0xFB, 0xFF, 0xFE}), "+//+");
}

TEST(ReportPage, APictureFileIsTakenOnlyAsItWasWritten) {
  ReportPicture picture = hostile_data().pictures[0];
  picture.inputs = "abc";
  const std::string text = to_text(picture);
  const auto back = picture_from(text, "abc");
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(to_text(*back), text);
  EXPECT_EQ(back->cutouts, picture.cutouts);
  EXPECT_EQ(back->pixels, picture.pixels);
  EXPECT_FALSE(picture_from(text, "abd").has_value()) << "drawn from something else";
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string damaged = text;
    damaged[i] ^= 1;
    EXPECT_FALSE(picture_from(damaged, "abc").has_value()) << i;
    EXPECT_FALSE(picture_from(text.substr(0, i), "abc").has_value()) << i;
  }
}

}  // namespace report_page_test
}  // namespace datus::test
