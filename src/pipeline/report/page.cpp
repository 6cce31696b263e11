// SPDX-License-Identifier: Apache-2.0
#include "pipeline/report/page.hpp"

#include "datus/core/names.hpp"
#include "pipeline/report/assets.hpp"
#include "pipeline/report/html.hpp"

namespace datus {
namespace {

std::string top_bar(const ReportData& data) {
  std::string choices;
  for (const ReportResult& result : data.results) {
    choices += "<option value=\"" + std::to_string(result.k) + "\">" + std::to_string(result.k) + "</option>";
  }
  return "<nav class=\"bar\" aria-label=\"Parts of the report\"><a href=\"#overview\">Overview</a>"
         "<a href=\"#images\">Images</a><a href=\"#clusters\">Clusters</a><a href=\"#charts\">Charts</a>"
         "<a href=\"#settings\">Settings</a><span class=\"space\"></span>"
         "<label class=\"scripted\">K <select id=\"k\">" +
         choices +
         "</select></label><button type=\"button\" class=\"scripted\" id=\"theme\" "
         "aria-label=\"Light or dark\">◐</button></nav>\n";
}

std::string settings_section(const ReportData& data) {
  return "<section id=\"settings\"><h2>Settings</h2><details><summary>resolved configuration</summary><pre "
         "tabindex=\"0\">" +
         escaped(data.settings) + "</pre></details></section>\n";
}

}  // namespace

std::string picture_file(std::int64_t image, const std::string& ending) {
  return "pictures/" + zero_padded(image, 6) + ending;
}

std::string of_k(int k, const std::string& content) {
  return "<div data-k=\"" + std::to_string(k) + "\">" + content + "</div>\n";
}

std::string cluster_title(const ReportData& data, const ReportResult& result, int cluster) {
  const ReportCluster& of_cluster = result.clusters[static_cast<std::size_t>(cluster)];
  const std::string number = std::to_string(cluster);
  if (!of_cluster.name.empty()) return number + " · " + of_cluster.name;
  return of_cluster.matched < 0 ? number : number + " · " + data.class_name(of_cluster.matched);
}

std::string report_page(const ReportData& data) {
  std::string clusters;
  for (const ReportResult& result : data.results) {
    clusters += (clusters.empty() ? "" : ", ") + std::to_string(result.k);
  }
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
         "<meta name=\"color-scheme\" content=\"light dark\">\n<title>datus: " +
         escaped(data.title) + "</title>\n<style>\n" + std::string(report_style()) +
         "</style></head>\n<body>\n<header><h1>" + escaped(data.title) + "</h1><p>" + std::to_string(data.image_count) +
         " images · K = " + clusters + "</p></header>\n" + top_bar(data) + "<main>\n" + overview_section(data) +
         image_section(data) + cluster_section(data) + chart_section(data) + settings_section(data) + "</main>\n" +
         data_scripts(data) + "<script>\n" + std::string(report_script()) + "</script>\n</body>\n</html>\n";
}

}  // namespace datus
