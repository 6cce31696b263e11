// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/cluster_classes.hpp"

#include "datus/core/error.hpp"
#include "datus/core/text.hpp"
#include "datus/pipeline/score_files.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace datus {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

ClusterClasses from_scores(const fs::path& path, const std::string& protocol) {
  Evaluation scores = read_scores(path);
  const auto named = [&](const std::string& name) {
    return std::ranges::find(scores.protocols, name, &ProtocolScores::protocol);
  };
  auto chosen = named(protocol.empty() ? "strict" : protocol);
  if (chosen == scores.protocols.end() && protocol.empty()) chosen = scores.protocols.begin();
  if (chosen == scores.protocols.end()) {
    throw InputError("There is no mapping of clusters to classes by " + protocol + " in " + path.string(),
                     "the run was evaluated by other protocols", "Add it to evaluate.protocols and run again.");
  }
  return {.mapping = chosen->scores.mapping,
          .classes = scores.classes,
          .class_names = std::move(scores.class_names),
          .class_colours = std::move(scores.class_colours),
          .source = "ground truth, matched by " + chosen->protocol};
}

ClusterClasses from_carried(const fs::path& path, int k) {
  const auto text = text_of_file(path);
  try {
    const Json json = Json::parse(text.value_or(""));
    ClusterClasses classes{.mapping = json.at("mapping").get<std::vector<int>>(),
                           .classes = json.at("classes").get<int>(),
                           .class_names = json.at("class_names").get<std::vector<std::string>>(),
                           .class_colours = {},
                           .source = json.at("source").get<std::string>()};
    if (json.contains("class_colours")) json.at("class_colours").get_to(classes.class_colours);
    const bool fits = std::ssize(classes.mapping) == k && std::ranges::all_of(classes.mapping, [&](int index) {
                        return index >= -1 && index < classes.classes;
                      });
    const bool is_coloured = classes.class_colours.empty() || std::ssize(classes.class_colours) == classes.classes;
    const bool is_named = classes.class_names.empty() || std::ssize(classes.class_names) == classes.classes;
    if (fits && is_named && is_coloured) return classes;
    throw InputError(path.string() + " cannot be used", "it is not of " + std::to_string(k) + " clusters",
                     "Run 'datus apply' again: it writes the file anew.");
  } catch (const Json::exception& error) {
    throw InputError(path.string() + " cannot be used", error.what(),
                     "Run 'datus apply' again: it writes the file anew.");
  }
}

}  // namespace

Palette class_palette(int classes, const std::vector<DatasetDescription::Colour>& given) {
  if (classes == 0 || std::ssize(given) != classes) return label_palette(classes);
  Palette palette;
  for (const auto& [red, green, blue] : given) palette.colours.push_back({red, green, blue});
  return palette;
}

std::optional<ClusterClasses> classes_of_run(const RunDirectory& run, int k, const std::string& protocol) {
  if (fs::exists(run.scores(k))) return from_scores(run.scores(k), protocol);
  if (fs::exists(run.carried_classes(k))) return from_carried(run.carried_classes(k), k);
  return std::nullopt;
}

void write_carried_classes(const fs::path& path, const ClusterClasses& classes, const WriteOptions& options) {
  Json json = {{"schema", 1},
               {"k", classes.mapping.size()},
               {"source", classes.source},
               {"classes", classes.classes},
               {"class_names", classes.class_names},
               {"mapping", classes.mapping}};
  if (!classes.class_colours.empty()) json["class_colours"] = classes.class_colours;
  fs::create_directories(path.parent_path());
  write_text_atomically(path, json.dump(1) + "\n", options);
}

}  // namespace datus
