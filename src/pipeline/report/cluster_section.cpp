// SPDX-License-Identifier: Apache-2.0
#include "pipeline/report/charts.hpp"
#include "pipeline/report/html.hpp"
#include "pipeline/report/page.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <utility>

namespace datus {
namespace {

using Shares = std::vector<std::pair<std::int64_t, double>>;  ///< of something with that number, largest first

Shares largest(const std::map<std::int64_t, std::int64_t>& pixels, std::int64_t all, std::size_t most) {
  Shares shares;
  for (const auto& [number, count] : pixels) {
    shares.emplace_back(number, static_cast<double>(count) / static_cast<double>(std::max<std::int64_t>(1, all)));
  }
  std::ranges::stable_sort(shares, std::ranges::greater(), &std::pair<std::int64_t, double>::second);
  if (shares.size() > most) shares.resize(most);
  return shares;
}

/// Pixels of each cluster in each image that is shown.
struct ClusterPixels {
  std::vector<std::map<std::int64_t, std::int64_t>> of_image;  ///< [K] by image
  std::vector<std::int64_t> of_cluster;                        ///< [K]
  std::map<std::int64_t, std::int64_t> all_of_image;
  std::int64_t all = 0;

  ClusterPixels(const ReportData& data, const ReportResult& result)
      : of_image(result.clusters.size()), of_cluster(result.clusters.size()) {
    for (const ReportPicture& picture : data.pictures) {
      const auto cells = picture.pixels.find(result.k);
      if (cells == picture.pixels.end()) continue;
      for (const CellCount& cell : cells->second) {
        all += cell.pixels;
        all_of_image[picture.image] += cell.pixels;
        if (cell.cluster < 0) continue;
        of_image[static_cast<std::size_t>(cell.cluster)][picture.image] += cell.pixels;
        of_cluster[static_cast<std::size_t>(cell.cluster)] += cell.pixels;
      }
    }
  }
};

std::string image_link(const ReportData& data, std::int64_t image, const std::string& content) {
  const ReportPicture* picture = data.picture_of(image);
  if (picture == nullptr || picture->photo.empty()) return content;
  return "<a href=\"#image-" + std::to_string(image) + "\">" + content + "</a>";
}

std::string cutouts(const ReportData& data, const std::string& title, const std::vector<ClusterExample>& examples) {
  std::string images;
  for (const ClusterExample& example : examples) {
    const ReportPicture* picture = data.picture_of(example.image);
    const auto found =
        picture == nullptr ? std::map<int, std::string>::const_iterator() : picture->cutouts.find(example.segment);
    if (picture == nullptr || found == picture->cutouts.end()) continue;
    const std::string what = data.names[static_cast<std::size_t>(example.image)] + ", segment " +
                             std::to_string(example.segment) + ", distance " + decimals("%.3f", example.distance);
    images += image_link(data, example.image,
                         "<img src=\"data:image/jpeg;base64," + found->second + "\" alt=\"" + escaped(what) +
                             "\" title=\"" + escaped(what) + "\">");
  }
  return images.empty() ? images : "<h4>" + title + "</h4><div class=\"cutouts\">" + images + "</div>";
}

std::string row(const std::string& word, const std::string& what) {
  return what.empty() ? what : "<dt>" + word + "</dt><dd>" + what + "</dd>";
}

/// What the ground truth says of a cluster: its classes, and who else has its class.
std::string truth_rows(const ReportData& data, const ReportResult& result, int cluster) {
  const ProtocolScores* scores = result.scores();
  if (scores == nullptr) return {};
  const auto classes = static_cast<std::size_t>(result.evaluation->classes);
  const auto pixels = [&](std::size_t c, std::size_t label) { return scores->counts[c * classes + label]; };
  std::map<std::int64_t, std::int64_t> of_class;
  std::int64_t all = 0;
  for (std::size_t label = 0; label < classes; ++label) {
    const std::int64_t count = pixels(static_cast<std::size_t>(cluster), label);
    if (count > 0) of_class[static_cast<std::int64_t>(label)] = count;
    all += count;
  }
  std::string covers;
  for (const auto& [label, share] : largest(of_class, all, 4)) {
    covers +=
        (covers.empty() ? "" : ", ") + escaped(data.class_name(static_cast<int>(label))) + " " + percent(share) + " %";
  }
  std::string text = row("covers", covers);
  const int matched = result.mapping[static_cast<std::size_t>(cluster)];
  if (matched < 0) return text + row("class", "none: no class is left for it");
  const auto place = static_cast<std::size_t>(matched);
  const auto of_truth = static_cast<double>(std::max<std::int64_t>(1, scores->class_pixels[place]));
  const auto mine = static_cast<double>(pixels(static_cast<std::size_t>(cluster), place));
  text += row("class", escaped(data.class_name(matched)) + ": precision " +
                           percent(mine / static_cast<double>(std::max<std::int64_t>(1, all))) + " %, recall " +
                           percent(mine / of_truth) + " %");
  std::map<std::int64_t, std::int64_t> others;
  for (std::size_t c = 0; c < result.clusters.size(); ++c) {
    if (c != static_cast<std::size_t>(cluster) && pixels(c, place) > 0)
      others[static_cast<std::int64_t>(c)] = pixels(c, place);
  }
  std::string shared;
  for (const auto& [c, share] : largest(others, static_cast<std::int64_t>(of_truth), 3)) {
    if (share < 0.01) continue;
    shared += (shared.empty() ? "" : ", ") + escaped(cluster_title(data, result, static_cast<int>(c))) + " " +
              percent(share) + " %";
  }
  return text + row("confused with", shared.empty() ? shared : shared + " of the class");
}

std::string facts(const ReportData& data, const ReportResult& result, const ClusterPixels& pixels, int cluster) {
  const auto place = static_cast<std::size_t>(cluster);
  const ReportCluster& of_cluster = result.clusters[place];
  std::string text =
      row("segments", std::to_string(of_cluster.segments) +
                          (of_cluster.fine > 1 ? ", of " + std::to_string(of_cluster.fine) + " fine clusters" : ""));
  text += truth_rows(data, result, cluster);
  std::string similar;
  for (const auto& [other, cosine] : of_cluster.similar) {
    similar += (similar.empty() ? "" : ", ") + escaped(cluster_title(data, result, other)) + " (" +
               decimals("%.2f", cosine) + ")";
  }
  text += row("most similar", similar);
  std::string images;
  for (const auto& [image, share] : largest(pixels.of_image[place], pixels.of_cluster[place], 5)) {
    images += (images.empty() ? "" : ", ") +
              image_link(data, image, escaped(data.names[static_cast<std::size_t>(image)])) + " " + percent(share) +
              " %";
  }
  if (!pixels.of_image[place].empty()) images = std::to_string(pixels.of_image[place].size()) + ": " + images;
  return "<dl class=\"facts\">" + text + row("lives in images", images) + "</dl>";
}

std::string panel(const ReportData& data, const ReportResult& result, const ClusterPixels& pixels, int cluster) {
  const auto place = static_cast<std::size_t>(cluster);
  const ReportCluster& of_cluster = result.clusters[place];
  const double share =
      static_cast<double>(pixels.of_cluster[place]) / static_cast<double>(std::max<std::int64_t>(1, pixels.all));
  const std::string number = std::to_string(cluster);
  const std::string id = "cluster-" + std::to_string(result.k) + "-" + number;
  return "<details class=\"cluster\" id=\"" + id + "\" data-cluster=\"" + number + "\"><summary>" +
         swatch(of_cluster.colour) + "<b>" + escaped(cluster_title(data, result, cluster)) + "</b> <small>" +
         percent(share) + " %<span class=\"words\"> of the pixels shown</span></small></summary><div class=\"panel\">" +
         cutouts(data, "nearest to the centroid", of_cluster.nearest) +
         cutouts(data, "farthest from it", of_cluster.farthest) + facts(data, result, pixels, cluster) +
         "<p class=\"scripted\"><label>name <input class=\"name\" data-cluster=\"" + number + "\" value=\"" +
         escaped(of_cluster.name) +
         "\" autocomplete=\"off\"></label> <button type=\"button\" class=\"only\" data-cluster=\"" + number +
         "\">images with it</button></p></div></details>\n";
}

std::string tree_of(const ReportData& data, const ReportResult& result) {
  constexpr std::size_t most_leaves_drawn = 120;
  if (result.joints.empty() || result.clusters.size() > most_leaves_drawn) return {};
  TreeChart chart{.title = "Tree of the " + std::to_string(result.k) + " clusters",
                  .x_label = "cosine distance at which two are joined",
                  .leaves = {},
                  .joints = result.joints};
  for (int c = 0; c < result.k; ++c) {
    chart.leaves.push_back({.label = cluster_title(data, result, c),
                            .colour = hex_colour(result.clusters[static_cast<std::size_t>(c)].colour),
                            .key = c});
  }
  return "<details class=\"tree\"><summary>the tree over the clusters</summary><div class=\"chart scroll\" "
         "tabindex=\"0\" role=\"region\" "
         "aria-label=\"" +
         chart.title + "\">" + to_svg(chart) + "</div></details>\n";
}

}  // namespace

std::string cluster_section(const ReportData& data) {
  std::string text =
      "<section id=\"clusters\"><h2>Clusters</h2>\n<p class=\"note\">What is cluster 13? Its segments, and what they "
      "are mistaken for. <span class=\"scripted\">Give names, and take them along: <button type=\"button\" "
      "id=\"save-names\">names.yaml</button> for <code>datus export --names</code> and <code>datus report "
      "--names</code>.</span></p>\n";
  for (const ReportResult& result : data.results) {
    const ClusterPixels pixels(data, result);
    std::string panels =
        "<h3>K = " + std::to_string(result.k) + "</h3>" + tree_of(data, result) + "<div class=\"clusters\">";
    for (int c = 0; c < result.k; ++c) panels += panel(data, result, pixels, c);
    text += of_k(result.k, panels + "</div>");
  }
  return text + "</section>\n";
}

}  // namespace datus
