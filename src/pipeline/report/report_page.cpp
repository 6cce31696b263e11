// SPDX-License-Identifier: Apache-2.0
#include "pipeline/report/report_page.hpp"

#include "datus/core/names.hpp"
#include "datus/io/palette.hpp"
#include "datus/pipeline/cluster_selection.hpp"
#include "datus/pipeline/run_directory.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <string_view>

namespace datus {
namespace {

constexpr int most_columns = 7;

constexpr std::string_view style = R"(
:root { --ink: #1d2733; --soft: #5b6876; --line: #dfe4ea; --paper: #ffffff; --ground: #f4f6f8; --accent: #0b6e8f; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", sans-serif; }
header { background: #10303f; color: #fff; padding: 26px 32px; }
header h1 { margin: 0 0 4px; font-size: 24px; font-weight: 600; }
header p { margin: 0; color: #bcd3de; }
main { padding: 24px 32px 48px; max-width: 2200px; margin: 0 auto; }
section { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; padding: 18px 22px; margin-bottom: 20px; }
h2 { font-size: 17px; margin: 0 0 12px; }
table { border-collapse: collapse; }
th, td { padding: 5px 16px 5px 0; text-align: right; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; }
th { color: var(--soft); font-weight: 500; }
th:nth-child(-n+2), td:nth-child(-n+2) { text-align: left; }
.legend { display: flex; flex-wrap: wrap; gap: 8px 18px; margin: 6px 0 14px; }
.legend span { display: inline-flex; align-items: center; gap: 7px; }
.legend i { width: 16px; height: 16px; border-radius: 4px; display: inline-block; border: 1px solid rgba(0,0,0,.15); }
.legend small { color: var(--soft); }
.row { display: grid; gap: 10px; margin-bottom: 18px; }
.row figure { margin: 0; }
.row img { width: 100%; display: block; border-radius: 6px; }
.row figcaption { color: var(--soft); font-size: 13px; margin-top: 3px; overflow-wrap: anywhere; }
details summary { cursor: pointer; color: var(--accent); }
pre { overflow-x: auto; background: var(--ground); padding: 12px; border-radius: 6px; font-size: 13px; }
p.note { color: var(--soft); margin: 6px 0 0; }
)";

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string percent(const std::optional<double>& value) {
  if (!value) return "–";
  char text[32];
  (void)std::snprintf(text, sizeof text, "%.1f", 100 * *value);
  return text;
}

std::string swatch(Colour colour) {
  char text[64];
  (void)std::snprintf(text, sizeof text, "<i style=\"background:#%02x%02x%02x\"></i>", colour.red, colour.green,
                      colour.blue);
  return text;
}

std::string class_name(const ReportData& data, int index) {
  const auto position = static_cast<std::size_t>(index);
  return position < data.class_names.size() ? data.class_names[position] : "class " + std::to_string(index);
}

/// ", IoU 43.2"; empty where there is no ground truth.
std::string iou_text(const ReportResult& result, int index) {
  const auto position = static_cast<std::size_t>(index);
  return position < result.iou.size() ? ", IoU " + percent(result.iou[position]) : std::string();
}

std::string percent(const std::optional<double>& value, const std::optional<Interval>& interval) {
  if (!interval) return percent(value);
  return percent(value) + " (" + percent(interval->low) + "–" + percent(interval->high) + ")";
}

std::string score_row(int k, const ProtocolScores& of_protocol) {
  const auto& [protocol, scores, boundary, intervals, counts, class_pixels, provenance] = of_protocol;
  std::string row = "<tr><td>" + std::to_string(k) + "</td><td>" + escaped(protocol) + "</td>";
  for (const std::string& cell :
       {percent(scores.miou, intervals.miou), percent(scores.pixel_accuracy, intervals.pixel_accuracy),
        percent(scores.macro_f1, intervals.macro_f1), percent(scores.fwiou, intervals.fwiou), percent(scores.nmi),
        percent(scores.ari), percent(boundary.f, intervals.boundary_f)}) {
    row += "<td>" + cell + "</td>";
  }
  return row + "</tr>\n";
}

/// Whose the clusters and classes are.
std::string origin_phrase(const ProtocolScores& of_protocol, const Evaluation& evaluation) {
  const auto part = [&](const char* name) {
    const auto found = of_protocol.provenance.find(name);
    return found == of_protocol.provenance.end() ? std::string("?") : escaped(found->second);
  };
  return "fitted on " + part("fitted_on") + "; assigned on " + part("assigned_on") + "; matched on " +
         part("matched_on") + "; scored on " + part("scored_on") +
         "; ground truth: " + escaped(truth_text(evaluation.truth, evaluation.class_names));
}

std::string score_section(const ReportData& data) {
  std::string rows;
  for (const auto& result : data.results) {
    if (!result.evaluation) continue;
    for (const auto& of_protocol : result.evaluation->protocols) rows += score_row(result.k, of_protocol);
  }
  if (rows.empty()) {
    const std::string why = !data.evaluation_failure.empty() ? "Evaluation failed: " + escaped(data.evaluation_failure)
                            : data.has_truth                 ? "The masks have not been evaluated."
                                                             : "The data set has no ground truth.";
    const std::string from = data.results.empty() ? "" : data.results.front().classes_from;
    return "<section><h2>Scores</h2><p class=\"note\">" + why +
           (from.empty() ? "" : " Classes of the clusters: " + escaped(from) + ".") + "</p></section>\n";
  }
  std::string text =
      "<section><h2>Scores, in percent (95 % intervals over "
      "images)</h2>\n<table><tr><th>K</th><th>protocol</th><th>mIoU</th><th>pixel accuracy</th>"
      "<th>macro F1</th><th>fwIoU</th><th>NMI</th><th>ARI</th><th>boundary F</th></tr>\n" +
      rows + "</table>\n";
  std::map<std::string, std::string> values_of_k;  // K by what is said of it, mostly the same for all
  for (const auto& result : data.results) {
    if (!result.evaluation) continue;
    std::map<std::string, std::string> protocols;  // by what is said of them
    for (const auto& of_protocol : result.evaluation->protocols) {
      std::string& names = protocols[origin_phrase(of_protocol, *result.evaluation)];
      names += (names.empty() ? " " : ", ") + escaped(of_protocol.protocol);
    }
    for (const auto& [phrase, names] : protocols) {
      std::string& values = values_of_k[phrase];
      values += (values.empty() ? "" : ", ") + std::to_string(result.k) + (protocols.size() == 1 ? "" : names);
    }
  }
  for (const auto& [phrase, values] : values_of_k) {
    text += "<p class=\"note\">K = " + values + ": " + phrase + ".</p>\n";
  }
  return text + "</section>\n";
}

std::string decimals(const char* format, const std::optional<double>& value) {
  if (!value) return "–";
  char text[48];
  (void)std::snprintf(text, sizeof text, format, *value);
  return text;
}

std::string selection_section(const ReportData& data) {
  // Clusters that come from another run have been chosen there.
  const bool is_fitted = std::ranges::any_of(data.selection, [](const auto& value) { return value.iterations > 0; });
  if (!is_fitted) return "";
  std::string text =
      "<section><h2>Which K?</h2>\n<table><tr><th>K</th><th>iterations</th><th>inertia</th><th>of previous</th>"
      "<th>silhouette</th><th>stability</th></tr>\n";
  const auto ratios = relative_inertia(data.selection);
  for (std::size_t i = 0; i < data.selection.size(); ++i) {
    const ClusterSummary& value = data.selection[i];
    text += "<tr><td>" + std::to_string(value.k) + "</td><td>" + std::to_string(value.iterations) + "</td><td>" +
            decimals("%.6g", value.inertia) + "</td><td>" + decimals("%.4f", ratios[i]) + "</td><td>" +
            decimals("%.4f", value.silhouette) + "</td><td>" + decimals("%.4f", value.stability) + "</td></tr>\n";
  }
  text += "</table>\n";
  const std::string hint = selection_hint(data.selection);
  if (!hint.empty()) text += "<p class=\"note\">" + escaped(hint) + "</p>\n";
  return text + "</section>\n";
}

std::string legend_section(const ReportData& data) {
  std::string text = "<section><h2>Legend</h2>\n";
  if (data.classes > 0) {
    text += "<p class=\"note\">Classes (ground truth, and clusters by their matched class)</p><div class=\"legend\">";
    const Palette palette = label_palette(data.classes);
    for (int c = 0; c < data.classes; ++c) {
      text += "<span>" + swatch(palette.of(c)) + escaped(class_name(data, c)) + "</span>";
    }
    text += "</div>\n";
  }
  for (const auto& result : data.results) {
    text += "<p class=\"note\">Clusters for K = " + std::to_string(result.k) + "</p><div class=\"legend\">";
    const Palette palette = label_palette(result.k);
    for (int cluster = 0; cluster < std::min(result.k, 256); ++cluster) {
      text += "<span>" + swatch(palette.of(cluster)) + std::to_string(cluster);
      if (!result.mapping.empty()) {
        const int matched = result.mapping[static_cast<std::size_t>(cluster)];
        text += matched < 0 ? " <small>no class</small>"
                            : " <small>" + escaped(class_name(data, matched)) + iou_text(result, matched) + "</small>";
      }
      text += "</span>";
    }
    text += "</div>\n";
  }
  return text +
         "<p class=\"note\">Dimmed pixels belong to no valid segment (or, in the truth, to no class).</p></section>\n";
}

std::string segment_section(const ReportData& data) {
  if (data.segmentation.empty()) return "";
  return "<section><h2>Segments</h2>\n<p class=\"note\">" + escaped(data.segmentation) + ".</p>\n" +
         (data.warning.empty() ? "" : "<p><strong>Warning:</strong> " + escaped(data.warning) + "</p>\n") +
         "</section>\n";
}

std::string figure(std::int64_t image, const std::string& what, const std::string& caption) {
  const std::string source = picture_name(image, what);
  return "<figure><a href=\"" + source + "\"><img loading=\"lazy\" src=\"" + source + "\" alt=\"" + escaped(caption) +
         "\"></a><figcaption>" + escaped(caption) + "</figcaption></figure>";
}

std::string image_section(const ReportData& data) {
  std::string text = "<section><h2>Images</h2>\n<p class=\"note\">" + std::to_string(data.images.size()) + " of " +
                     std::to_string(data.image_count) + " images. A click shows a picture alone.</p><br>\n";
  for (const auto& picture : data.images) {
    std::string figures = figure(picture.image, "image", picture.name);
    if (picture.has_truth) figures += figure(picture.image, "truth", "ground truth");
    figures += figure(picture.image, "segments", "segments");
    int count = picture.has_truth ? 3 : 2;
    for (const auto& result : data.results) {
      const std::string name = RunDirectory::cluster_name(result.k);
      figures += figure(picture.image, name, "mask, K = " + std::to_string(result.k));
      ++count;
      if (!result.mapping.empty()) {
        figures += figure(picture.image, name + "-classes", "matched classes, K = " + std::to_string(result.k));
        ++count;
      }
    }
    text += "<div class=\"row\" style=\"grid-template-columns:repeat(" + std::to_string(std::min(count, most_columns)) +
            ",minmax(0,1fr))\">" + figures + "</div>\n";
  }
  return text + "</section>\n";
}

}  // namespace

std::string picture_name(std::int64_t image, const std::string& what) {
  return "images/" + zero_padded(image, 6) + "-" + what + ".png";
}

std::string report_page(const ReportData& data) {
  std::string clusters;
  for (const auto& result : data.results) {
    clusters += (clusters.empty() ? "" : ", ") + std::to_string(result.k);
  }
  return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>datus: " +
         escaped(data.title) + "</title>\n<style>" + std::string(style) + "</style></head>\n<body><header><h1>" +
         escaped(data.title) + "</h1><p>" + escaped(data.images_description) + " · K = " + clusters +
         "</p></header><main>\n" + score_section(data) + selection_section(data) + segment_section(data) +
         image_section(data) + legend_section(data) +
         "<section><h2>Settings</h2><p class=\"note\">Backend: " + escaped(data.backend) +
         "</p><details><summary>resolved configuration</summary><pre>" + escaped(data.settings) +
         "</pre></details></section>\n</main></body></html>\n";
}

}  // namespace datus
