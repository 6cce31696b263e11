// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/cluster_selection.hpp"

#include "datus/algo/cluster_tree.hpp"
#include "datus/core/text.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/hdf5_reader.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <limits>

#include <nlohmann/json.hpp>

namespace datus {
namespace {

using Json = nlohmann::ordered_json;
using Score = std::optional<double> ClusterSummary::*;

std::string cell(const std::optional<double>& value, int width) {
  char text[48];
  if (value) {
    (void)std::snprintf(text, sizeof text, "%*.4f", width, *value);
  } else {
    (void)std::snprintf(text, sizeof text, "%*s", width, "-");
  }
  return text;
}

std::string joined(const std::vector<int>& values) {
  std::string text;
  for (const int value : values) text += (text.empty() ? "" : ", ") + std::to_string(value);
  return text;
}

Json json_of(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

bool can_compare(std::span<const ClusterSummary> values, Score score) {
  return std::ranges::count_if(values, [&](const ClusterSummary& value) { return (value.*score).has_value(); }) > 1;
}

}  // namespace

std::vector<std::optional<double>> relative_inertia(std::span<const ClusterSummary> values) {
  std::vector<std::optional<double>> ratios(values.size());
  for (std::size_t i = 1; i < values.size(); ++i) {
    if (values[i - 1].inertia > 0.0) ratios[i] = values[i].inertia / values[i - 1].inertia;
  }
  return ratios;
}

std::vector<int> values_with_largest(std::span<const ClusterSummary> values, Score score) {
  std::optional<double> largest;
  std::vector<int> found;
  for (const ClusterSummary& value : values) {
    const std::optional<double>& own = value.*score;
    if (!own || own < largest) continue;
    if (own != largest) found.clear();
    largest = own;
    found.push_back(value.k);
  }
  return found;
}

std::vector<int> suggested_by_tree(std::span<const ClusterSummary> values) {
  return values.empty() ? std::vector<int>() : suggested_clusters(values.back().separations);
}

std::string selection_hint(std::span<const ClusterSummary> values) {
  std::string text;
  if (can_compare(values, &ClusterSummary::silhouette)) {
    text += "largest silhouette: K = " + joined(values_with_largest(values, &ClusterSummary::silhouette));
  }
  if (can_compare(values, &ClusterSummary::stability)) {
    text += (text.empty() ? "" : "; ") + std::string("most stable: K = ") +
            joined(values_with_largest(values, &ClusterSummary::stability));
  }
  const std::vector<int> suggested = suggested_by_tree(values);
  if (!suggested.empty()) {
    text += (text.empty() ? "" : "; ") + std::string("the tree suggests K = ") + joined(suggested);
  }
  return text.empty() ? text : text + " (hints, not verdicts)";
}

std::string selection_table(std::span<const ClusterSummary> values) {
  const bool from_tree = std::ranges::any_of(values, [](const auto& value) { return value.separation.has_value(); });
  std::string text = "     K  iterations         inertia  of previous  silhouette  stability";
  text += from_tree ? "  separation\n" : "\n";
  const std::vector<std::optional<double>> ratios = relative_inertia(values);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const ClusterSummary& value = values[i];
    char head[64];
    (void)std::snprintf(head, sizeof head, "%6d  %10d  %14.8g", value.k, value.iterations, value.inertia);
    const bool at_limit = !value.converged && value.iterations > 0;
    text += head + cell(ratios[i], 13) + cell(value.silhouette, 12) + cell(value.stability, 11) +
            (from_tree ? cell(value.separation, 12) : "") + (at_limit ? "  limit of iterations reached" : "") + "\n";
  }
  const std::string hint = selection_hint(values);
  return hint.empty() ? text : text + hint + "\n";
}

void write_selection(Hdf5Writer& writer, std::span<const ClusterSummary> values) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  std::vector<std::int64_t> k;
  std::vector<double> inertia;
  std::vector<double> silhouette;
  std::vector<double> stability;
  for (const ClusterSummary& value : values) {
    k.push_back(value.k);
    inertia.push_back(value.inertia);
    silhouette.push_back(value.silhouette.value_or(none));
    stability.push_back(value.stability.value_or(none));
  }
  const Shape shape = {static_cast<std::int64_t>(values.size())};
  writer.write<std::int64_t>("/selection/k", k, shape);
  writer.write<double>("/selection/inertia", inertia, shape);
  writer.write<double>("/selection/silhouette", silhouette, shape);
  writer.write<double>("/selection/stability", stability, shape);
  if (values.empty() || values.back().separations.empty()) return;
  const std::vector<int> suggested = suggested_by_tree(values);
  const std::vector<double>& separations = values.back().separations;
  writer.write<std::int64_t>("/selection/suggested_k", std::vector<std::int64_t>(suggested.begin(), suggested.end()),
                             {std::ssize(suggested)});
  writer.write<double>("/selection/separations", separations, {std::ssize(separations)});
}

void write_selection_json(const std::filesystem::path& path, std::span<const ClusterSummary> values,
                          const WriteOptions& options) {
  const std::vector<std::optional<double>> ratios = relative_inertia(values);
  Json rows = Json::array();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const ClusterSummary& value = values[i];
    rows.push_back({{"k", value.k},
                    {"iterations", value.iterations},
                    {"converged", value.converged},
                    {"inertia", value.inertia},
                    {"relative_inertia", json_of(ratios[i])},
                    {"silhouette", json_of(value.silhouette)},
                    {"stability", json_of(value.stability)},
                    {"separation", json_of(value.separation)}});
  }
  Json json;
  json["schema"] = 1;
  json["values"] = std::move(rows);
  json["largest_silhouette"] = values_with_largest(values, &ClusterSummary::silhouette);
  json["most_stable"] = values_with_largest(values, &ClusterSummary::stability);
  json["suggested_k"] = suggested_by_tree(values);
  json["separations"] = values.empty() ? std::vector<double>() : values.back().separations;
  const std::string text = json.dump(1) + "\n";
  if (text_of_file(path) != text) write_text_atomically(path, text, options);
}

ClusterSummary read_cluster_summary(const std::filesystem::path& centroids) {
  const Hdf5Reader reader(centroids);
  const auto score = [&](const char* name) {
    return reader.has_attribute("/", name) ? std::optional(reader.attribute<double>("/", name)) : std::nullopt;
  };
  ClusterSummary summary;
  summary.k = checked_cast<int>(reader.shape("centroids", 2)[0], "The number of centroids");
  summary.iterations = checked_cast<int>(reader.attribute<std::int64_t>("/", "iterations"), "The iterations");
  summary.converged = reader.attribute<std::int64_t>("/", "converged") != 0;
  summary.inertia = reader.attribute<double>("/", "inertia");
  summary.silhouette = score("silhouette");
  summary.stability = score("stability");
  summary.separation = score("separation");
  if (reader.has("tree_height")) {
    summary.separations = reader.read<double>("tree_height");
    std::ranges::reverse(summary.separations);
  }
  return summary;
}

}  // namespace datus
