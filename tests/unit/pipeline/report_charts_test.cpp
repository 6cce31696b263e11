// SPDX-License-Identifier: Apache-2.0
#include "pipeline/report/charts.hpp"

#include <cmath>
#include <regex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace report_charts_test {

/// The values of an attribute of all elements of a kind, in order.
std::vector<double> values_of(const std::string& svg, const std::string& element, const std::string& attribute) {
  std::vector<double> values;
  const std::regex pattern("<" + element + "[^>]*? " + attribute + "=\"([-0-9.]+)\"");
  for (std::sregex_iterator at(svg.begin(), svg.end(), pattern), end; at != end; ++at) {
    values.push_back(std::stod((*at)[1]));
  }
  return values;
}

TEST(ReportCharts, TicksAreRoundAndInside) {
  EXPECT_EQ(axis_ticks(0, 1, 5), (std::vector<double>{0, 0.2, 0.4, 0.6000000000000001, 0.8, 1}));
  EXPECT_EQ(axis_ticks(3, 41, 4), (std::vector<double>{10, 20, 30, 40}));
  EXPECT_EQ(axis_ticks(-1, 1, 2), (std::vector<double>{-1, 0, 1}));
  EXPECT_FALSE(std::signbit(axis_ticks(-1, 1, 2)[1])) << "would read -0";
  EXPECT_EQ(axis_ticks(2, 2, 5), (std::vector<double>{2}));
}

TEST(ReportCharts, BarsAreAsLongAsTheirValues) {
  const std::string svg = to_svg(BarChart{
      .title = "a <b>", .series = {"one"}, .rows = {{"<x>", "", {0.25}}, {"y", "", {0.5}}, {"z", "", {std::nullopt}}}});
  const auto widths = values_of(svg, "rect", "width");
  ASSERT_EQ(widths.size(), 2U) << "no bar without a value: " << svg;
  EXPECT_NEAR(widths[1], 2 * widths[0], 0.2);
  EXPECT_NE(svg.find("&lt;x&gt;"), std::string::npos);
  EXPECT_NE(svg.find("aria-label=\"a &lt;b&gt;\""), std::string::npos);
  EXPECT_EQ(svg.find("<x>"), std::string::npos);
}

TEST(ReportCharts, CurvesRiseWithTheirValues) {
  LineChart chart{
      .title = "t", .x_label = "K", .y_label = "y", .series = {{.name = "s", .points = {}}}, .marked_x = {3}};
  chart.series[0].points = {{.x = 2, .y = 1}};
  EXPECT_EQ(to_svg(chart), "") << "one point is no curve";
  chart.series[0].points = {{.x = 2, .y = 1}, {.x = 3, .y = 4}, {.x = 4, .y = 2.5}};
  const std::string svg = to_svg(chart);
  const auto x = values_of(svg, "circle", "cx");
  const auto y = values_of(svg, "circle", "cy");
  ASSERT_EQ(y.size(), 3U);
  EXPECT_NEAR(x[1] - x[0], x[2] - x[1], 0.2);
  EXPECT_NEAR(y[0] - y[2], y[2] - y[1], 0.2) << "2.5 is half-way";
  EXPECT_LT(y[1], y[0]) << "up is less";
  EXPECT_NE(svg.find("class=\"marked\""), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
}

TEST(ReportCharts, ScatterKeepsDistances) {
  ScatterChart chart{.title = "t", .x_label = {}, .y_label = {}, .discs = {}};
  for (const auto& place : {std::array{0.0, 0.0}, std::array{3.0, 0.0}, std::array{0.0, 1.0}}) {
    chart.discs.push_back({.place = place, .size = 1, .colour = "#000000", .title = "\"<", .label = {}, .key = 2});
  }
  const std::string svg = to_svg(chart);
  const auto x = values_of(svg, "circle", "cx");
  const auto y = values_of(svg, "circle", "cy");
  ASSERT_EQ(x.size(), 3U);
  EXPECT_NEAR((x[1] - x[0]) / (y[0] - y[2]), 3, 0.01);
  EXPECT_NE(svg.find("<title>&quot;&lt;</title>"), std::string::npos);
  EXPECT_NE(svg.find("data-cluster=\"2\""), std::string::npos);
  // Dots are on the same scale: the second one lies on the second disc.
  EXPECT_EQ(svg.find("class=\"dots\""), std::string::npos);
  chart.dots = {{.places = {{1.0, 0.0}, {3.0, 0.0}, {0.0, -7.0}}, .colour = "#010203", .key = 5}};
  const std::string with = to_svg(chart);
  const std::regex path(
      "<path class=\"dots\" d=\"M[0-9.]+ [0-9.]+h0M([0-9.]+) ([0-9.]+)h0M[0-9.]+ [0-9.]+h0\" "
      "stroke=\"#010203\" data-cluster=\"5\"/>");
  std::smatch found;
  ASSERT_TRUE(std::regex_search(with, found, path)) << with;
  EXPECT_NEAR(std::stod(found[1]), values_of(with, "circle", "cx")[1], 0.11);
  EXPECT_NEAR(std::stod(found[2]), values_of(with, "circle", "cy")[1], 0.11);
}

TEST(ReportCharts, TreeHasItsLeavesBesideTheirNearest) {
  TreeChart chart{.title = "t", .x_label = "d", .leaves = {}, .joints = {{0, 2, 0.1}, {1, 3, 0.2}, {4, 5, 0.4}}};
  for (int i = 0; i < 4; ++i)
    chart.leaves.push_back({.label = "leaf" + std::to_string(i), .colour = "#102030", .key = i});
  const std::string svg = to_svg(chart);
  std::vector<std::size_t> places;
  for (int i = 0; i < 4; ++i) places.push_back(svg.find("leaf" + std::to_string(i)));
  EXPECT_LT(places[0], places[2]);
  EXPECT_LT(places[2], places[1]) << "0 and 2 are joined first";
  EXPECT_LT(places[1], places[3]);
  chart.leaves[1].label = std::string(20, 'w') + "ü and far more than there is room for";
  EXPECT_NE(to_svg(chart).find(std::string(20, 'w') + "ü and…"), std::string::npos) << to_svg(chart);
  chart.joints.clear();
  EXPECT_EQ(to_svg(chart), "");
}

}  // namespace report_charts_test
}  // namespace datus::test
