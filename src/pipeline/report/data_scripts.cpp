// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/run_directory.hpp"
#include "pipeline/report/html.hpp"
#include "pipeline/report/page.hpp"

#include <utility>

#include <nlohmann/json.hpp>

namespace datus {
namespace {

using Json = nlohmann::ordered_json;

Json classes_of(const ReportData& data) {
  Json classes = Json::array();
  for (int c = 0; c < data.classes; ++c)
    classes.push_back({{"name", data.class_name(c)}, {"colour", hex_colour(data.class_palette.of(c))}});
  return classes;
}

Json results_of(const ReportData& data) {
  Json results = Json::array();
  for (const ReportResult& result : data.results) {
    Json clusters = Json::array();
    for (int c = 0; c < result.k; ++c) {
      const ReportCluster& cluster = result.clusters[static_cast<std::size_t>(c)];
      clusters.push_back({{"title", cluster_title(data, result, c)},
                          {"colour", hex_colour(cluster.colour)},
                          {"class", cluster.matched}});
    }
    results.push_back(
        {{"k", result.k}, {"layer", RunDirectory::cluster_name(result.k)}, {"clusters", std::move(clusters)}});
  }
  return results;
}

Json images_of(const ReportData& data) {
  Json images = Json::array();
  for (const ReportPicture& picture : data.pictures) {
    if (picture.photo.empty()) continue;
    Json pixels = Json::object();
    for (const auto& [k, cells] : picture.pixels) {
      Json& list = pixels[std::to_string(k)] = Json::array();
      for (const CellCount& cell : cells) list.push_back({cell.cluster, cell.label, cell.pixels});
    }
    Json layers = Json::array();
    for (const auto& [layer, map] : picture.maps) layers.push_back(layer);
    images.push_back({{"image", picture.image},
                      {"name", data.names[static_cast<std::size_t>(picture.image)]},
                      {"layers", std::move(layers)},
                      {"pixels", std::move(pixels)}});
  }
  return images;
}

std::string script_of(const std::string& id, const Json& json) {
  return "<script type=\"application/json\" id=\"" + id + "\">" + json_in_script(json) + "</script>\n";
}

}  // namespace

std::string data_scripts(const ReportData& data) {
  std::string text = script_of("data", {{"apart", data.pictures_apart},
                                        {"classes", classes_of(data)},
                                        {"results", results_of(data)},
                                        {"images", images_of(data)}});
  if (data.pictures_apart) return text;
  for (const ReportPicture& picture : data.pictures) {
    if (picture.photo.empty()) continue;
    Json maps = Json::object();
    for (const auto& [layer, map] : picture.maps) {
      // The first K's stands in the page already, where it can be a picture in colours.
      if (map != picture.still) maps[layer] = map;
    }
    text += script_of("maps-" + std::to_string(picture.image), maps);
  }
  return text;
}

}  // namespace datus
