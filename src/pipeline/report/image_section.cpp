// SPDX-License-Identifier: Apache-2.0
#include "pipeline/report/html.hpp"
#include "pipeline/report/page.hpp"

#include <algorithm>

namespace datus {
namespace {

std::string option(const std::string& value, const std::string& text) {
  return "<option value=\"" + value + "\">" + text + "</option>";
}

/// What the script makes work.
std::string toolbar(const ReportData& data) {
  const bool has_classes = data.classes > 0;
  std::string layers = option("mask", "mask");
  if (has_classes) layers += option("classes", "classes");
  if (data.has_truth) layers += option("truth", "ground truth") + option("errors", "errors");
  layers += option("segments", "segments") + option("photo", "photo");
  std::string sorts = option("list", "order of the list") + option("name", "name");
  if (data.has_truth) {
    sorts += option("worst", "accuracy, worst first") + option("best", "accuracy, best first") +
             option("miou", "mIoU, worst first");
  }
  sorts += option("unassigned", "unassigned share") + option("entropy", "entropy of the mask");
  return "<div class=\"toolbar scripted\" role=\"group\" aria-label=\"What is shown of the images\">"
         "<label>show <select id=\"layer\">" +
         layers +
         "</select></label><label>as <select id=\"view\"><option value=\"grid\">grid</option><option value=\"rows\">"
         "side by side</option></select></label><label>opacity <input id=\"opacity\" type=\"range\" min=\"0\" "
         "max=\"100\" value=\"65\"></label><label>sort by <select id=\"sort\">" +
         sorts +
         "</select></label><label>only with <select id=\"filter\"><option value=\"\">anything</option></select></label>"
         "<output id=\"count\"></output></div>\n";
}

std::string legend_entry(const std::string& kind, int number, const std::string& colour, const std::string& text) {
  return "<li><button type=\"button\" class=\"key\" data-" + kind + "=\"" + std::to_string(number) + "\">" +
         "<i class=\"swatch\" style=\"background:" + colour + "\"></i>" + escaped(text) + "</button></li>";
}

std::string legend(const ReportData& data) {
  std::string text = "<aside class=\"legend\" aria-label=\"Legend\">\n";
  if (data.classes > 0) {
    text += "<div class=\"of-classes\"><h3>Classes</h3><ul>";
    for (int c = 0; c < data.classes; ++c)
      text += legend_entry("class", c, hex_colour(data.class_palette.of(c)), data.class_name(c));
    text += "</ul></div>";
  }
  if (data.has_truth) {
    text +=
        "<div class=\"of-errors\"><h3>Errors</h3><ul><li><i class=\"swatch right\"></i>right</li>"
        "<li><i class=\"swatch wrong\"></i>wrong</li><li><i class=\"swatch none\"></i>void</li></ul></div>";
  }
  for (const ReportResult& result : data.results) {
    std::string list = "<div class=\"of-clusters\"><h3>Clusters, K = " + std::to_string(result.k) + "</h3><ul>";
    for (int c = 0; c < result.k; ++c) {
      const ReportCluster& cluster = result.clusters[static_cast<std::size_t>(c)];
      list += legend_entry("cluster", c, hex_colour(cluster.colour), cluster_title(data, result, c));
    }
    text += of_k(result.k, list + "</ul></div>");
  }
  const bool is_matched =
      std::ranges::any_of(data.results, [](const ReportResult& result) { return !result.mapping.empty(); });
  return text + "<p class=\"note\">" +
         (is_matched ? "A cluster has the colour of its class, in shades where several share one; clusters without a "
                       "class have colours of their own. "
                     : "") +
         (data.has_truth ? "Dark: in no segment, or void in the ground truth." : "Dark: in no segment.") +
         "</p></aside>\n";
}

/// "81.2 % right" by the first K, and nothing without ground truth.
std::string caption(const ReportData& data, const ReportPicture& picture) {
  if (data.results.empty()) return {};
  const ReportResult& result = data.results.front();
  const auto cells = picture.pixels.find(result.k);
  if (cells == picture.pixels.end() || result.mapping.empty()) return {};
  std::int64_t right = 0;
  std::int64_t all = 0;
  for (const CellCount& cell : cells->second) {
    if (cell.label < 0) continue;
    all += cell.pixels;
    if (cell.cluster >= 0 && result.mapping[static_cast<std::size_t>(cell.cluster)] == cell.label) right += cell.pixels;
  }
  return all == 0 ? std::string() : percent(static_cast<double>(right) / static_cast<double>(all)) + " % right";
}

std::string card(const ReportData& data, const ReportPicture& picture) {
  const std::string number = std::to_string(picture.image);
  const std::string& name = data.names[static_cast<std::size_t>(picture.image)];
  const auto image = [&](const char* layer, const std::string& source, const std::string& alt) {
    return "<img class=\"" + std::string(layer) + "\" src=\"" + source + "\" width=\"" + std::to_string(picture.width) +
           "\" height=\"" + std::to_string(picture.height) + "\" alt=\"" + escaped(alt) + "\"" +
           (data.pictures_apart ? " loading=\"lazy\"" : "") + ">";
  };
  const std::string photo =
      data.pictures_apart ? picture_file(picture.image, ".jpg") : "data:image/jpeg;base64," + picture.photo;
  const std::string mask =
      data.pictures_apart ? picture_file(picture.image, ".png") : "data:image/png;base64," + picture.still;
  const std::string k = data.results.empty() ? "" : std::to_string(data.results.front().k);
  return "<article class=\"card\" id=\"image-" + number + "\" data-image=\"" + number + "\"><div class=\"stills\">" +
         image("photo", photo, "Photo " + name) + image("still", mask, "Mask of " + name + ", K = " + k) +
         "</div><h3><a href=\"#image-" + number + "\">" + escaped(name) + "</a></h3><p class=\"note\">" +
         caption(data, picture) + "</p></article>\n";
}

}  // namespace

std::string image_section(const ReportData& data) {
  std::string cards;
  std::int64_t shown = 0;
  for (const ReportPicture& picture : data.pictures) {
    if (picture.photo.empty()) continue;
    cards += card(data, picture);
    ++shown;
  }
  return "<section id=\"images\"><h2>Images</h2>\n<p class=\"note\">" + std::to_string(shown) + " of " +
         std::to_string(data.image_count) +
         " images<span class=\"scripted\">; a click opens one, the arrow keys go on to the next, Esc "
         "closes</span>.</p>\n" +
         toolbar(data) + "<div class=\"with-legend\"><div><div class=\"cards\" id=\"cards\">\n" + cards +
         "</div></div>\n" + legend(data) + "</div>\n</section>\n";
}

}  // namespace datus
