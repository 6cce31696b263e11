// SPDX-License-Identifier: Apache-2.0
#include "pipeline/report/picture.hpp"

#include "datus/core/hash.hpp"

#include <string_view>

#include <nlohmann/json.hpp>

namespace datus {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view mark = "// ";
constexpr std::string_view call = "\ndatusPicture(";
constexpr std::string_view end = ");\n";

}  // namespace

std::string to_text(const ReportPicture& picture) {
  Json json = {{"image", picture.image},   {"inputs", picture.inputs}, {"width", picture.width},
               {"height", picture.height}, {"photo", picture.photo},   {"still", picture.still}};
  json["maps"] = picture.maps;
  json["pixels"] = Json::object();
  for (const auto& [k, cells] : picture.pixels) {
    Json& list = json["pixels"][std::to_string(k)] = Json::array();
    for (const CellCount& cell : cells) list.push_back({cell.cluster, cell.label, cell.pixels});
  }
  json["cutouts"] = Json::object();
  for (const auto& [segment, bytes] : picture.cutouts) json["cutouts"][std::to_string(segment)] = bytes;
  const std::string text = std::string(call) + json.dump() + std::string(end);
  return std::string(mark) + Hasher().add(text).finish().hex() + text;
}

std::optional<ReportPicture> picture_from(const std::string& text, const std::optional<std::string>& inputs) {
  const auto begin = text.find(call);
  if (!text.starts_with(mark) || begin == std::string::npos || !text.ends_with(end)) return std::nullopt;
  const std::string_view covered = std::string_view(text).substr(begin);
  if (text.substr(mark.size(), begin - mark.size()) != Hasher().add(covered).finish().hex()) return std::nullopt;
  const auto json = Json::parse(covered.substr(call.size(), covered.size() - call.size() - end.size()));
  if (inputs && json.at("inputs") != *inputs) return std::nullopt;
  ReportPicture picture{.image = json.at("image"),
                        .inputs = json.at("inputs"),
                        .width = json.at("width"),
                        .height = json.at("height"),
                        .photo = json.at("photo"),
                        .maps = json.at("maps"),
                        .still = json.at("still"),
                        .pixels = {},
                        .cutouts = {}};
  for (const auto& [k, cells] : json.at("pixels").items()) {
    auto& list = picture.pixels[std::stoi(k)];
    for (const auto& cell : cells) list.push_back({.cluster = cell[0], .label = cell[1], .pixels = cell[2]});
  }
  for (const auto& [segment, bytes] : json.at("cutouts").items()) picture.cutouts[std::stoi(segment)] = bytes;
  return picture;
}

}  // namespace datus
