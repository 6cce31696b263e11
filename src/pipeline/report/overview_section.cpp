// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/cluster_selection.hpp"
#include "pipeline/report/html.hpp"
#include "pipeline/report/page.hpp"

#include <cstddef>
#include <map>
#include <string_view>

namespace datus {
namespace {

std::string cell(const std::string& content) {
  return "<td>" + content + "</td>";
}

std::string score_row(int k, const ProtocolScores& of_protocol) {
  const auto& [protocol, scores, boundary, intervals, counts, class_pixels, provenance] = of_protocol;
  std::string row = "<tr>" + cell(std::to_string(k)) + cell(escaped(protocol));
  for (const std::string& text :
       {percent(scores.miou, intervals.miou), percent(scores.pixel_accuracy, intervals.pixel_accuracy),
        percent(scores.macro_f1, intervals.macro_f1), percent(scores.fwiou, intervals.fwiou),
        percent(scores.nmi, intervals.nmi), percent(scores.ari, intervals.ari),
        percent(boundary.f, intervals.boundary_f)}) {
    row += cell(text);
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

/// What is said of the scores of each K and protocol; mostly the same for all.
std::string origin_notes(const ReportData& data) {
  std::map<std::string, std::string> values_of_k;  // by what is said of it
  for (const ReportResult& result : data.results) {
    if (!result.evaluation) continue;
    std::map<std::string, std::string> protocols;  // by what is said of them
    for (const ProtocolScores& of_protocol : result.evaluation->protocols) {
      std::string& names = protocols[origin_phrase(of_protocol, *result.evaluation)];
      names += (names.empty() ? " " : ", ") + escaped(of_protocol.protocol);
    }
    for (const auto& [phrase, names] : protocols) {
      std::string& values = values_of_k[phrase];
      values += (values.empty() ? "" : ", ") + std::to_string(result.k) + (protocols.size() == 1 ? "" : names);
    }
  }
  std::string notes;
  for (const auto& [phrase, values] : values_of_k)
    notes += "<p class=\"note\">K = " + values + ": " + phrase + ".</p>\n";
  return notes;
}

std::string why_no_scores(const ReportData& data) {
  if (!data.evaluation_failure.empty()) return "Evaluation failed: " + escaped(data.evaluation_failure);
  std::string why = data.has_truth ? "The masks have not been evaluated." : "The data set has no ground truth.";
  for (const ReportResult& result : data.results) {
    if (result.classes_from.empty()) continue;
    return why + " Classes of the clusters: " + escaped(result.classes_from) + ".";
  }
  return why;
}

std::string score_table_of(const ReportData& data) {
  std::string rows;
  for (const ReportResult& result : data.results) {
    if (!result.evaluation) continue;
    for (const ProtocolScores& of_protocol : result.evaluation->protocols) rows += score_row(result.k, of_protocol);
  }
  if (rows.empty()) return "<p class=\"note\">" + why_no_scores(data) + "</p>\n";
  return "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Scores\"><table "
         "class=\"numbers\"><thead><tr>"
         "<th>K</th><th>protocol</th><th>mIoU</th><th>pixel accuracy</th><th>macro F1</th><th>FWIoU</th><th>NMI</th>"
         "<th>ARI</th><th>boundary F</th></tr></thead><tbody>" +
         rows +
         "</tbody></table></div><p class=\"note\">Percent; in brackets the 95 % interval of other draws of "
         "images.</p>\n" +
         origin_notes(data);
}

std::string selection_table_of(const ReportData& data) {
  if (data.selection.empty()) return {};
  const auto optional = [](const std::optional<double>& value) { return cell(value ? decimals("%.4f", *value) : "–"); };
  const auto ratios = relative_inertia(data.selection);
  std::string rows;
  for (std::size_t i = 0; i < data.selection.size(); ++i) {
    const ClusterSummary& value = data.selection[i];
    rows += "<tr>" + cell(std::to_string(value.k)) + cell(std::to_string(value.iterations)) +
            cell(decimals("%.6g", value.inertia)) + optional(ratios[i]) + optional(value.silhouette) +
            optional(value.stability) + optional(value.separation) + "</tr>\n";
  }
  const std::string hint = selection_hint(data.selection);
  return "<h3>Which K?</h3><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Values of K\">"
         "<table class=\"numbers all-numbers\"><thead><tr><th>K</th><th>iterations</th><th>inertia</th><th>of "
         "previous</th>"
         "<th>silhouette</th><th>stability</th><th>separation</th></tr></thead><tbody>" +
         rows + "</tbody></table></div>" + (hint.empty() ? "" : "<p class=\"note\">" + escaped(hint) + "</p>") + "\n";
}

}  // namespace

std::string overview_section(const ReportData& data) {
  std::string text = "<section id=\"overview\"><h2>Overview</h2>\n";
  for (const std::string& warning : data.warnings) {
    text += "<p class=\"warning\"><strong>Warning:</strong> " + escaped(warning) + "</p>\n";
  }
  text += score_table_of(data) + "<dl class=\"facts\">";
  for (const auto& [word, what] : data.facts) text += "<dt>" + escaped(word) + "</dt><dd>" + escaped(what) + "</dd>";
  if (!data.segmentation.empty()) text += "<dt>segments</dt><dd>" + escaped(data.segmentation) + "</dd>";
  text += "</dl>\n" + selection_table_of(data) + "<p class=\"links\">";
  for (const auto& [address, what] : data.links) {
    text += "<a href=\"" + escaped(address) + "\">" + escaped(what) + "</a> ";
  }
  return text +
         "</p>\n<details class=\"scripted\" id=\"job\"><summary>the last job: date, ranks, time of each stage</summary>"
         "<div id=\"job-facts\"></div></details>\n</section>\n";
}

}  // namespace datus
