// SPDX-License-Identifier: Apache-2.0
#include "pipeline/report/published_scores.hpp"

#include <optional>

#include <nlohmann/json.hpp>

namespace datus {
namespace {

using Json = nlohmann::json;

std::optional<double> fraction_of(const Json& row, const char* name) {
  constexpr double percent = 100;
  const auto found = row.find(name);
  return found == row.end() || found->is_null() ? std::nullopt : std::optional(found->get<double>() / percent);
}

std::string text_of(const Json& row, const char* name) {
  const auto found = row.find(name);
  return found == row.end() || found->is_null() ? "not given" : found->get<std::string>();
}

}  // namespace

std::vector<LeaderboardRow> published_scores(const std::string& kind) {
  std::vector<LeaderboardRow> rows;
  const Json published = Json::parse(published_text());
  for (const Json& row : published.at("rows")) {
    if (row.at("kind") != kind) continue;
    LeaderboardRow found;
    found.dataset = row.at("dataset").get<std::string>();
    if (const std::string split = text_of(row, "split"); split != "not given") found.dataset += " " + split;
    found.backbone = text_of(row, "backbone");
    found.method = row.at("method").get<std::string>();
    found.k = row.at("k").is_null() ? 0 : row.at("k").get<int>();
    found.protocol = text_of(row, "protocol");
    found.scores.mean = {fraction_of(row, "miou"), fraction_of(row, "pixel_accuracy"), fraction_of(row, "f1")};
    found.source = row.at("source").get<std::string>();
    rows.push_back(std::move(found));
  }
  return rows;
}

}  // namespace datus
