// SPDX-License-Identifier: Apache-2.0
#include "pipeline/export/export_tally.hpp"

#include "datus/core/text.hpp"

#include <cstddef>
#include <cstdio>
#include <numeric>

#include <nlohmann/json.hpp>

namespace datus {
namespace {

using Json = nlohmann::ordered_json;

std::string percent(std::int64_t part, std::int64_t whole) {
  char text[32];
  (void)std::snprintf(text, sizeof text, "%.1f %%",
                      whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole));
  return text;
}

}  // namespace

void ExportTally::add(const LabelMap& clusters, const LabelMap& classes) {
  for (std::size_t i = 0; i < classes.labels.size(); ++i) {
    if (classes.labels[i] != no_label) {
      ++of_class[static_cast<std::size_t>(classes.labels[i])];
    } else {
      ++(clusters.labels[i] == no_label ? unassigned : without_class);
    }
  }
  ++images;
}

ExportTally& ExportTally::operator+=(const ExportTally& other) {
  for (std::size_t i = 0; i < of_class.size(); ++i) of_class[i] += other.of_class[i];
  unassigned += other.unassigned;
  without_class += other.without_class;
  images += other.images;
  return *this;
}

std::int64_t ExportTally::total() const {
  return std::accumulate(of_class.begin(), of_class.end(), no_class());
}

std::string classes_json(const std::string& format, const LabelClasses& classes, const ExportTally& tally) {
  const Palette palette = classes.palette();
  Json list = Json::array();
  for (int i = 0; i < classes.count(); ++i) {
    const Colour colour = palette.of(i);
    list.push_back({{"id", i},
                    {"name", classes.names[static_cast<std::size_t>(i)]},
                    {"colour", {colour.red, colour.green, colour.blue}},
                    {"clusters", classes.clusters_of(i)},
                    {"pixels", tally.of_class[static_cast<std::size_t>(i)]}});
  }
  const Json json = {
      {"schema", 1},
      {"format", format},
      {"k", classes.of_cluster.size()},
      {"source", classes.source},
      {"images", tally.images},
      {"classes", std::move(list)},
      {"clusters_without_class", classes.clusters_of(-1)},
      {"pixels", {{"total", tally.total()}, {"unassigned", tally.unassigned}, {"without_class", tally.without_class}}}};
  return json.dump(1) + "\n";
}

std::string export_text(const LabelClasses& classes, const ExportTally& tally) {
  std::string text = counted(tally.images, "image") + ", " + std::to_string(classes.count()) +
                     (classes.count() == 1 ? " class (" : " classes (") + classes.source + "), " +
                     percent(tally.no_class(), tally.total()) + " of the pixels without class";
  if (tally.no_class() == 0) return text;
  const auto clusters = classes.clusters_of(-1);
  text += ": " + percent(tally.unassigned, tally.total()) + " unassigned";
  if (clusters.empty()) return text;
  return text + ", " + percent(tally.without_class, tally.total()) + " of " + counted(std::ssize(clusters), "cluster") +
         " that " + (clusters.size() == 1 ? "has" : "have") + " none";
}

}  // namespace datus
