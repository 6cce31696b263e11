// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/cluster_selection.hpp"

#include "datus/io/hdf5.hpp"
#include "pipeline/report/page.hpp"
#include "support/temp_folder.hpp"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace datus::test {
namespace cluster_selection_test {

using Ratios = std::vector<std::optional<double>>;

ClusterSummary value(int k, double inertia, std::optional<double> silhouette, std::optional<double> stability) {
  ClusterSummary summary;
  summary.k = k;
  summary.iterations = 5 + k;
  summary.converged = k != 4;
  summary.inertia = inertia;
  summary.silhouette = silhouette;
  summary.stability = stability;
  return summary;
}

std::vector<ClusterSummary> four_values() {
  return {value(1, 80.0, std::nullopt, std::nullopt), value(2, 40.0, 0.5, 1.0), value(4, 10.0, 0.625, 0.25),
          value(9, 9.0, 0.375, 1.0)};
}

TEST(ClusterSelection, InertiaIsRelativeToTheKBefore) {
  EXPECT_EQ(relative_inertia(four_values()), (Ratios{std::nullopt, 0.5, 0.25, 0.9}));
  const std::vector<ClusterSummary> perfect = {value(3, 0.0, 1.0, {}), value(4, 0.0, 1.0, {})};
  EXPECT_EQ(relative_inertia(perfect), (Ratios{std::nullopt, std::nullopt}));
  EXPECT_TRUE(relative_inertia({}).empty());
}

TEST(ClusterSelection, TiesAreAllNamed) {
  const auto values = four_values();
  EXPECT_EQ(values_with_largest(values, &ClusterSummary::silhouette), std::vector<int>{4});
  EXPECT_EQ(values_with_largest(values, &ClusterSummary::stability), (std::vector<int>{2, 9}));
  const std::vector<ClusterSummary> none = {value(1, 1.0, {}, {})};
  EXPECT_TRUE(values_with_largest(none, &ClusterSummary::silhouette).empty());
  // Agreement may be worse than chance.
  const std::vector<ClusterSummary> negative = {value(2, 1.0, {}, -0.5), value(3, 1.0, {}, {}),
                                                value(4, 1.0, {}, -0.25)};
  EXPECT_EQ(values_with_largest(negative, &ClusterSummary::stability), std::vector<int>{4});
}

TEST(ClusterSelection, TheTableIsForPeople) {
  EXPECT_EQ(selection_table(four_values()),
            "     K  iterations         inertia  of previous  silhouette  stability\n"
            "     1           6              80            -           -          -\n"
            "     2           7              40       0.5000      0.5000     1.0000\n"
            "     4           9              10       0.2500      0.6250     0.2500  limit of iterations reached\n"
            "     9          14               9       0.9000      0.3750     1.0000\n"
            "largest silhouette: K = 4; most stable: K = 2, 9 (hints, not verdicts)\n");
}

TEST(ClusterSelection, OneValueIsNotCompared) {
  const std::vector<ClusterSummary> values = {value(1, 4.0, {}, {}), value(2, 2.0, 0.5, 0.5), value(3, 1.0, 0.25, {})};
  EXPECT_EQ(selection_hint(values), "largest silhouette: K = 2 (hints, not verdicts)");
  EXPECT_EQ(selection_hint(std::span(values).first(2)), "");
}

/// With a tree of 300 fine clusters, in which 5 and 20 live long.
std::vector<ClusterSummary> cut_values() {
  std::vector<ClusterSummary> values = four_values();
  for (int k = 2; k <= 300; ++k) {
    values.back().separations.push_back(8.0 - k / 64.0 - (k > 5 ? 1.0 : 0.0) - (k > 20 ? 0.5 : 0.0));
  }
  return values;
}

TEST(ClusterSelection, TheTreeOfTheLargestKSuggests) {
  EXPECT_EQ(suggested_by_tree(cut_values()), (std::vector<int>{2, 5, 8, 20, 32}));
  EXPECT_TRUE(suggested_by_tree(four_values()).empty());
  EXPECT_TRUE(suggested_by_tree({}).empty());
  EXPECT_EQ(selection_hint(cut_values()),
            "largest silhouette: K = 4; most stable: K = 2, 9; the tree suggests K = 2, 5, 8, 20, 32 (hints, not "
            "verdicts)");
}

TEST(ClusterSelection, TheCurveOfTheTreeIsStored) {
  const TempFolder folder;
  const auto values = cut_values();
  write_selection_json(folder / "selection.json", values);
  const auto json = nlohmann::json::parse(bytes_of(folder / "selection.json"));
  EXPECT_EQ(json["suggested_k"], (std::vector<int>{2, 5, 8, 20, 32}));
  EXPECT_EQ(json["separations"].get<std::vector<double>>(), values.back().separations);
  write_selection_json(folder / "selection.json", four_values());
  EXPECT_EQ(nlohmann::json::parse(bytes_of(folder / "selection.json"))["suggested_k"], nlohmann::json::array());
  Hdf5Writer writer(folder / "clusters.h5");
  write_selection(writer, values);
  writer.close();
  const Hdf5Reader reader(folder / "clusters.h5");
  EXPECT_EQ(reader.read<std::int64_t>("/selection/suggested_k"), (std::vector<std::int64_t>{2, 5, 8, 20, 32}));
  EXPECT_EQ(reader.read<double>("/selection/separations"), values.back().separations);
}

TEST(ClusterSelection, NullsAreNaNInHdf5) {
  const TempFolder folder;
  const auto path = folder / "clusters.h5";
  Hdf5Writer writer(path);
  write_selection(writer, four_values());
  writer.close();
  const Hdf5Reader reader(path);
  EXPECT_EQ(reader.read<std::int64_t>("/selection/k"), (std::vector<std::int64_t>{1, 2, 4, 9}));
  EXPECT_EQ(reader.read<double>("/selection/inertia"), (std::vector<double>{80.0, 40.0, 10.0, 9.0}));
  auto silhouette = reader.read<double>("/selection/silhouette");
  auto stability = reader.read<double>("/selection/stability");
  EXPECT_TRUE(std::isnan(silhouette[0]));
  EXPECT_TRUE(std::isnan(stability[0]));
  silhouette.erase(silhouette.begin());
  stability.erase(stability.begin());
  EXPECT_EQ(silhouette, (std::vector<double>{0.5, 0.625, 0.375}));
  EXPECT_EQ(stability, (std::vector<double>{1.0, 0.25, 1.0}));
}

TEST(ClusterSelection, JsonHasNulls) {
  const TempFolder folder;
  const auto path = folder / "selection.json";
  write_selection_json(path, four_values());
  const auto json = nlohmann::json::parse(bytes_of(path));
  EXPECT_EQ(json["schema"], 1);
  ASSERT_EQ(json["values"].size(), 4U);
  EXPECT_EQ(json["values"][0], nlohmann::json::parse(R"({"k": 1, "iterations": 6, "converged": true, "inertia": 80.0,
                                      "relative_inertia": null, "silhouette": null, "stability": null,
                                      "separation": null})"));
  EXPECT_EQ(json["values"][2], nlohmann::json::parse(R"({"k": 4, "iterations": 9, "converged": false, "inertia": 10.0,
                                      "relative_inertia": 0.25, "silhouette": 0.625, "stability": 0.25,
                                      "separation": null})"));
  EXPECT_EQ(json["largest_silhouette"], std::vector<int>{4});
  EXPECT_EQ(json["most_stable"], (std::vector<int>{2, 9}));
}

TEST(ClusterSelection, JsonIsWrittenOnlyWhenItChanges) {
  const TempFolder folder;
  const auto path = folder / "selection.json";
  write_selection_json(path, four_values());
  const std::filesystem::file_time_type old_time =
      std::filesystem::file_time_type::clock::now() - std::chrono::hours(1);
  std::filesystem::last_write_time(path, old_time);
  write_selection_json(path, four_values());
  EXPECT_EQ(std::filesystem::last_write_time(path), old_time);
  write_selection_json(path, std::span<const ClusterSummary>(four_values()).first(2));
  EXPECT_NE(std::filesystem::last_write_time(path), old_time);
  EXPECT_EQ(nlohmann::json::parse(bytes_of(path))["values"].size(), 2U);
}

TEST(ClusterSelection, TheReportShowsTheTable) {
  ReportData data;
  EXPECT_EQ(report_page(data).find("Which K?"), std::string::npos);
  data.selection = four_values();
  const std::string page = report_page(data);
  EXPECT_NE(page.find("<tr><td>1</td><td>6</td><td>80</td><td>–</td><td>–</td><td>–</td><td>–</td></tr>"),
            std::string::npos);
  EXPECT_NE(
      page.find("<tr><td>4</td><td>9</td><td>10</td><td>0.2500</td><td>0.6250</td><td>0.2500</td><td>–</td></tr>"),
      std::string::npos);
  EXPECT_NE(page.find("largest silhouette: K = 4; most stable: K = 2, 9"), std::string::npos);
}

}  // namespace cluster_selection_test
}  // namespace datus::test
