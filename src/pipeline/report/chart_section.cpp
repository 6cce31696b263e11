// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/cluster_selection.hpp"
#include "pipeline/report/charts.hpp"
#include "pipeline/report/html.hpp"
#include "pipeline/report/page.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <numeric>

namespace datus {
namespace {

constexpr std::size_t most_classes_drawn = 40;

std::string figure(const std::string& title, const std::string& svg, const std::string& note = {}) {
  if (svg.empty()) return {};
  return "<figure class=\"chart\"><figcaption>" + title +
         "</figcaption><div class=\"scroll\" tabindex=\"0\" role=\"region\" "
         "aria-label=\"" +
         title + "\">" + svg + "</div>" + (note.empty() ? "" : "<p class=\"note\">" + note + "</p>") + "</figure>\n";
}

/// Classes that occur, those with the most pixels first.
std::vector<std::size_t> classes_to_draw(const ProtocolScores& scores) {
  std::vector<std::size_t> classes(scores.class_pixels.size());
  std::iota(classes.begin(), classes.end(), std::size_t{0});
  std::ranges::stable_sort(classes, std::ranges::greater(), [&](std::size_t c) { return scores.class_pixels[c]; });
  std::erase_if(classes, [&](std::size_t c) { return scores.class_pixels[c] == 0 && !scores.scores.iou[c]; });
  if (classes.size() > most_classes_drawn) classes.resize(most_classes_drawn);
  return classes;
}

std::string class_bars(const ReportData& data, const ProtocolScores& scores) {
  BarChart chart{.title = "Scores of each class", .series = {"IoU", "precision", "recall"}, .rows = {}};
  for (const std::size_t c : classes_to_draw(scores)) {
    chart.rows.push_back({.label = data.class_name(static_cast<int>(c)),
                          .colour = hex_colour(data.class_palette.of(static_cast<std::int32_t>(c))),
                          .values = {scores.scores.iou[c], scores.scores.precision[c], scores.scores.recall[c]}});
  }
  return figure("Each class: IoU, precision, recall (percent)", to_svg(chart),
                "Classes with the most pixels first. By " + escaped(scores.protocol) + ".");
}

std::string heat_cell(double share, const std::string& title) {
  return "<td style=\"--v:" + decimals("%.3f", share) + "\" title=\"" + escaped(title) + "\"" +
         (share >= 0.55 ? " class=\"strong\"" : "") + ">" + (share >= 0.005 ? decimals("%.0f", 100 * share) : "") +
         "</td>";
}

/// Pixels of each class by the class that they are given; the last column: none.
std::string confusion_table(const ReportData& data, const ReportResult& result, const ProtocolScores& scores) {
  const auto classes = scores.class_pixels.size();
  const auto drawn = classes_to_draw(scores);
  std::string head;
  for (const std::size_t c : drawn)
    head += "<th scope=\"col\"><span>" + escaped(data.class_name(static_cast<int>(c))) + "</span></th>";
  std::string rows;
  for (const std::size_t truth : drawn) {
    std::vector<std::int64_t> given(classes);
    std::int64_t matched = 0;
    for (std::size_t c = 0; c < result.clusters.size(); ++c) {
      if (scores.scores.mapping[c] < 0) continue;
      given[static_cast<std::size_t>(scores.scores.mapping[c])] += scores.counts[c * classes + truth];
      matched += scores.counts[c * classes + truth];
    }
    const std::string name = data.class_name(static_cast<int>(truth));
    const auto all = static_cast<double>(std::max<std::int64_t>(1, scores.class_pixels[truth]));
    rows += "<tr><th scope=\"row\">" + escaped(name) + "</th>";
    for (const std::size_t c : drawn) {
      rows +=
          heat_cell(static_cast<double>(given[c]) / all, name + " taken for " + data.class_name(static_cast<int>(c)) +
                                                             ": " + std::to_string(given[c]) + " pixels");
    }
    const std::int64_t none = scores.class_pixels[truth] - matched;
    rows += heat_cell(static_cast<double>(none) / all, name + " without a class: " + std::to_string(none) + " pixels") +
            "</tr>\n";
  }
  return "<figure class=\"chart\"><figcaption>Confusion: what pixels of a class (row) are taken for (column), percent "
         "of the row</figcaption><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Confusion matrix\">"
         "<table class=\"heat\"><thead><tr><td></td>" +
         head + "<th scope=\"col\"><span>none</span></th></tr></thead><tbody>" + rows +
         "</tbody></table></div></figure>\n";
}

std::string plane(const ReportData& data, const ReportResult& result) {
  ScatterChart chart{.title = "Centroids in two dimensions",
                     .x_label = "first axis, " + percent(result.point_shares[0]) + " % of the variance",
                     .y_label = "second axis, " + percent(result.point_shares[1]) + " %",
                     .discs = {}};
  std::vector<std::size_t> largest_of(result.clusters.size(), result.points.size());
  for (std::size_t i = 0; i < result.points.size(); ++i) {
    std::size_t& largest = largest_of[static_cast<std::size_t>(result.points[i].cluster)];
    if (largest == result.points.size() || result.points[i].rows > result.points[largest].rows) largest = i;
  }
  constexpr int most_labels = 40;
  for (std::size_t i = 0; i < result.points.size(); ++i) {
    const ReportPoint& point = result.points[i];
    const bool is_labelled = result.k <= most_labels && largest_of[static_cast<std::size_t>(point.cluster)] == i;
    chart.discs.push_back(
        {.place = point.place,
         .size = static_cast<double>(point.rows),
         .colour = hex_colour(result.clusters[static_cast<std::size_t>(point.cluster)].colour),
         .title = cluster_title(data, result, point.cluster) + ": " + std::to_string(point.rows) + " segments",
         .label = is_labelled ? std::to_string(point.cluster) : "",
         .key = point.cluster});
  }
  std::size_t dots = 0;
  for (std::size_t c = 0; c < result.dots.size(); ++c) {
    if (result.dots[c].empty()) continue;
    dots += result.dots[c].size();
    chart.dots.push_back(
        {.places = result.dots[c], .colour = hex_colour(result.clusters[c].colour), .key = static_cast<int>(c)});
  }
  const bool is_fine = result.points.size() > result.clusters.size();
  return figure(
      is_fine ? "Fine clusters along their first two principal axes" : "Clusters along their first two principal axes",
      to_svg(chart),
      "Each disc is a centroid, its area the number of segments, its colour the cluster" +
          std::string(is_fine ? "; numbers stand at the largest fine cluster of each." : ".") +
          (dots == 0 ? "" : " Dots are " + std::to_string(dots) + " segments, evenly chosen."));
}

std::string score_curves(const ReportData& data) {
  LineChart chart{
      .title = "Scores by K", .x_label = "K", .y_label = "percent", .series = {}, .is_percent = true, .marked_x = {}};
  LineChart::Series miou{.name = "mIoU", .points = {}};
  LineChart::Series accuracy{.name = "pixel accuracy", .points = {}};
  std::vector<const ReportResult*> by_k;
  for (const ReportResult& result : data.results) by_k.push_back(&result);
  std::ranges::sort(by_k, {}, [](const ReportResult* result) { return result->k; });
  for (const ReportResult* result : by_k) {
    const ProtocolScores* scores = result->scores();
    if (scores == nullptr) continue;
    const auto add = [&](LineChart::Series& series, const std::optional<double>& value,
                         const std::optional<Interval>& interval) {
      if (value) series.points.push_back({.x = static_cast<double>(result->k), .y = *value, .interval = interval});
    };
    add(miou, scores->scores.miou, scores->intervals.miou);
    add(accuracy, scores->scores.pixel_accuracy, scores->intervals.pixel_accuracy);
  }
  chart.series = {miou, accuracy};
  return figure("Scores by K", to_svg(chart), "Bands: the 95 % interval of other draws of images.");
}

std::string inertia_curve(const ReportData& data) {
  LineChart chart{.title = "Inertia by K",
                  .x_label = "K",
                  .y_label = "inertia",
                  .series = {{.name = "inertia", .points = {}}},
                  .marked_x = {}};
  for (const ClusterSummary& value : data.selection) {
    chart.series[0].points.push_back({.x = static_cast<double>(value.k), .y = value.inertia});
  }
  return figure("Inertia by K", to_svg(chart));
}

/// How far apart the K clusters of each cut of the tree are.
std::string separation_curve(const ReportData& data) {
  if (data.selection.empty()) return {};
  const std::vector<double>& separations = data.selection.back().separations;
  LineChart chart{.title = "Separation by K",
                  .x_label = "K",
                  .y_label = "separation",
                  .series = {{.name = "separation", .points = {}}},
                  .marked_x = suggested_by_tree(data.selection)};
  int most = 64;
  for (const ClusterSummary& value : data.selection) most = std::max(most, 2 * value.k);
  for (std::size_t i = 0; i < separations.size() && static_cast<int>(i) + 2 <= most; ++i) {
    chart.series[0].points.push_back({.x = static_cast<double>(i) + 2, .y = separations[i]});
  }
  return figure("Separation: the distance at which the next two of K clusters are joined", to_svg(chart),
                "Dashed: the values of K that the tree suggests.");
}

}  // namespace

std::string chart_section(const ReportData& data) {
  std::string text = "<section id=\"charts\"><h2>Charts</h2>\n<div class=\"charts\">";
  text += score_curves(data) + inertia_curve(data) + separation_curve(data) + "</div>\n";
  for (const ReportResult& result : data.results) {
    std::string charts = "<h3>K = " + std::to_string(result.k) + "</h3><div class=\"charts\">";
    if (const ProtocolScores* scores = result.scores()) {
      charts += class_bars(data, *scores) + confusion_table(data, result, *scores);
    }
    text += of_k(result.k, charts + plane(data, result) + "</div>");
  }
  return text + "</section>\n";
}

}  // namespace datus
