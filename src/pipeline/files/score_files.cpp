// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/score_files.hpp"

#include "datus/core/error.hpp"
#include "datus/core/text.hpp"
#include "datus/io/atomic_file.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include <nlohmann/json.hpp>

namespace datus {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json json_of(const std::vector<std::optional<double>>& values) {
  Json array = Json::array();
  for (const auto& value : values) array.push_back(json_of(value));
  return array;
}

Json json_of(const std::optional<Interval>& interval) {
  return interval ? Json{interval->low, interval->high} : Json(nullptr);
}

Json json_of(const Intervals& intervals) {
  return {{"level", Intervals::level},
          {"replicates", intervals.replicates},
          {"images", intervals.images},
          {"miou", json_of(intervals.miou)},
          {"fwiou", json_of(intervals.fwiou)},
          {"pixel_accuracy", json_of(intervals.pixel_accuracy)},
          {"macro_f1", json_of(intervals.macro_f1)},
          {"nmi", json_of(intervals.nmi)},
          {"ari", json_of(intervals.ari)},
          {"boundary_f", json_of(intervals.boundary_f)}};
}

Json json_of(const ProtocolScores& result, const Evaluation& evaluation) {
  const Scores& scores = result.scores;
  Json counts = Json::array();
  for (int k = 0; k < evaluation.k; ++k) {
    Json row = Json::array();
    for (int c = 0; c < evaluation.classes; ++c) {
      row.push_back(result.counts.at(static_cast<std::size_t>(k) * static_cast<std::size_t>(evaluation.classes) +
                                     static_cast<std::size_t>(c)));
    }
    counts.push_back(std::move(row));
  }
  Json json;
  json["schema"] = 1;
  json["k"] = evaluation.k;
  json["classes"] = evaluation.classes;
  json["void"] = evaluation.void_value;
  json["miou"] = json_of(scores.miou);
  json["fwiou"] = json_of(scores.fwiou);
  json["pixel_accuracy"] = json_of(scores.pixel_accuracy);
  json["macro_f1"] = json_of(scores.macro_f1);
  json["nmi"] = json_of(scores.nmi);
  json["ari"] = json_of(scores.ari);
  json["boundary"] = {{"tolerance", BoundaryCounts::tolerance},
                      {"precision", json_of(result.boundary.precision)},
                      {"recall", json_of(result.boundary.recall)},
                      {"f", json_of(result.boundary.f)}};
  json["intervals"] = json_of(result.intervals);
  json["iou"] = json_of(scores.iou);
  json["precision"] = json_of(scores.precision);
  json["recall"] = json_of(scores.recall);
  json["f1"] = json_of(scores.f1);
  json["pixels"] = {{"total", scores.total},
                    {"void", scores.void_pixels},
                    {"unassigned", scores.unassigned},
                    {"unmatched", scores.unmatched}};
  json["class_pixels"] = result.class_pixels;
  json["mapping"] = scores.mapping;
  json["counts"] = std::move(counts);
  if (!evaluation.class_names.empty()) json["class_names"] = evaluation.class_names;
  if (!evaluation.class_colours.empty()) json["class_colours"] = evaluation.class_colours;
  json["provenance"] = result.provenance;
  return json;
}

std::optional<double> number_of(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return json.get<double>();
}

std::vector<std::optional<double>> numbers_of(const Json& json) {
  std::vector<std::optional<double>> values;
  for (const auto& value : json) values.push_back(number_of(value));
  return values;
}

/// Of a member that scores of earlier versions lack.
Json member(const Json& json, const char* name) {
  return json.contains(name) ? json.at(name) : Json();
}

std::optional<Interval> interval_of(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return Interval{json.at(0).get<double>(), json.at(1).get<double>()};
}

Intervals intervals_of(const Json& json) {
  return {.replicates = json.at("replicates").get<int>(),
          .images = json.at("images").get<std::int64_t>(),
          .miou = interval_of(json.at("miou")),
          .fwiou = interval_of(json.at("fwiou")),
          .pixel_accuracy = interval_of(json.at("pixel_accuracy")),
          .macro_f1 = interval_of(json.at("macro_f1")),
          .nmi = interval_of(member(json, "nmi")),
          .ari = interval_of(member(json, "ari")),
          .boundary_f = interval_of(json.at("boundary_f"))};
}

Scores scores_of(const Json& json) {
  Scores scores;
  scores.miou = number_of(json.at("miou"));
  scores.fwiou = number_of(member(json, "fwiou"));
  scores.pixel_accuracy = number_of(json.at("pixel_accuracy"));
  scores.macro_f1 = number_of(json.at("macro_f1"));
  scores.nmi = number_of(json.at("nmi"));
  scores.ari = number_of(json.at("ari"));
  scores.iou = numbers_of(json.at("iou"));
  scores.precision = numbers_of(member(json, "precision"));
  scores.recall = numbers_of(member(json, "recall"));
  scores.f1 = numbers_of(json.at("f1"));
  scores.mapping = json.at("mapping").get<std::vector<int>>();
  const auto& pixels = json.at("pixels");
  scores.total = pixels.at("total").get<std::int64_t>();
  scores.void_pixels = pixels.at("void").get<std::int64_t>();
  scores.unassigned = pixels.at("unassigned").get<std::int64_t>();
  scores.unmatched = pixels.at("unmatched").get<std::int64_t>();
  return scores;
}

BoundaryScores boundary_of(const Json& json) {
  return {.precision = number_of(json.at("precision")),
          .recall = number_of(json.at("recall")),
          .f = number_of(json.at("f"))};
}

ProtocolScores result_of(const std::string& protocol, const Json& json) {
  ProtocolScores result{.protocol = protocol,
                        .scores = scores_of(json),
                        .boundary = {},
                        .intervals = {},
                        .counts = {},
                        .class_pixels = {},
                        .provenance = {}};
  if (json.contains("boundary")) result.boundary = boundary_of(json.at("boundary"));
  if (json.contains("intervals")) result.intervals = intervals_of(json.at("intervals"));
  if (json.contains("provenance")) result.provenance = json.at("provenance").get<ScoreProvenance>();
  if (json.contains("class_pixels")) json.at("class_pixels").get_to(result.class_pixels);
  for (const auto& row : json.at("counts")) {
    for (const auto& count : row) result.counts.push_back(count.get<std::int64_t>());
  }
  return result;
}

/// Names that are nothing but the numbers of the classes.
bool are_numbers(const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] != std::to_string(i)) return false;
  }
  return true;
}

/// Why a mapping does not fit ground truth with these classes; empty where it does.
std::string misfit(const Evaluation& mapped, const std::vector<int>& mapping, int clusters, int classes,
                   const std::vector<std::string>& class_names) {
  const bool is_counted = class_names.empty();  // from the largest value that occurs
  const bool same_classes =
      is_counted ? mapped.class_names.empty() || classes <= mapped.classes : classes == mapped.classes;
  const bool in_range = std::all_of(mapping.begin(), mapping.end(), [&](int c) { return c >= -1 && c < classes; });
  if (static_cast<int>(mapping.size()) != clusters || !same_classes || !in_range) {
    return "it has " + std::to_string(mapping.size()) + " clusters and " + std::to_string(mapped.classes) +
           " classes, here are " + std::to_string(clusters) + " and " + std::to_string(classes);
  }
  if (are_numbers(class_names) || are_numbers(mapped.class_names)) return {};
  for (std::size_t i = 0; i < class_names.size(); ++i) {
    const std::string there = i < mapped.class_names.size() ? mapped.class_names[i] : "nothing";
    if (there != class_names[i])
      return "class " + std::to_string(i) + " is " + there + " there, " + class_names[i] + " here";
  }
  return {};
}

}  // namespace

std::string scores_text(const Evaluation& evaluation) {
  Json json;
  for (const auto& result : evaluation.protocols) json[result.protocol] = json_of(result, evaluation);
  return json.dump(1) + "\n";
}

void write_scores(const std::filesystem::path& path, const Evaluation& evaluation, const WriteOptions& options) {
  write_text_atomically(path, scores_text(evaluation), options);
}

Evaluation read_scores(const std::filesystem::path& path) {
  const auto text = text_of_file(path);
  if (!text) throw InputError("Cannot read scores " + path.string(), "no such file", "Run 'datus evaluate' first.");
  Evaluation evaluation;
  try {
    const Json all = Json::parse(*text);
    for (const auto& [protocol, json] : all.items()) {
      evaluation.k = json.at("k").get<int>();
      evaluation.classes = json.at("classes").get<int>();
      evaluation.void_value = json.at("void").get<int>();
      if (json.contains("class_names")) json.at("class_names").get_to(evaluation.class_names);
      if (json.contains("class_colours")) json.at("class_colours").get_to(evaluation.class_colours);
      evaluation.protocols.push_back(result_of(protocol, json));
    }
  } catch (const Json::exception& error) {
    throw InputError(path.string() + " is not a score file", error.what(), "Give a file that 'datus evaluate' wrote.");
  }
  const auto largest =
      std::ranges::max_element(evaluation.protocols, {}, [](const auto& one) { return one.scores.total; });
  if (largest != evaluation.protocols.end()) {
    evaluation.truth = {largest->class_pixels, largest->scores.void_pixels};
  }
  return evaluation;
}

const ProtocolScores& mapping_source(const Evaluation& evaluation, const std::string& protocol,
                                     const std::filesystem::path& path) {
  if (evaluation.protocols.empty()) {
    throw InputError(path.string() + " holds no scores", "it is empty", "Give a file that 'datus evaluate' wrote.");
  }
  for (const auto& wanted : {protocol, std::string("strict")}) {
    const auto found = std::ranges::find(evaluation.protocols, wanted, &ProtocolScores::protocol);
    if (found != evaluation.protocols.end()) return *found;
  }
  return evaluation.protocols.front();
}

std::vector<int> read_mapping(const std::filesystem::path& path, const std::string& protocol, int clusters, int classes,
                              const std::vector<std::string>& class_names) {
  const auto evaluation = read_scores(path);
  const auto& mapping = mapping_source(evaluation, protocol, path).scores.mapping;
  const std::string why = misfit(evaluation, mapping, clusters, classes, class_names);
  if (!why.empty()) {
    throw InputError("The mapping of " + path.string() + " does not fit", why,
                     "Give the scores of the run that the centroids come from, and ground truth with the same classes "
                     "(dataset.kind, dataset.label_map, dataset.classes).");
  }
  return mapping;
}

std::string score_table(const std::vector<Evaluation>& evaluations) {
  std::string text =
      "   K  protocol            mIoU  (95 %)         accuracy  (95 %)       macro F1   fwIoU     NMI     ARI  "
      "boundary F\n";
  const auto cell = [](const std::optional<double>& value) {
    char buffer[32];
    if (!value) return std::string("       -");
    (void)std::snprintf(buffer, sizeof buffer, "%8.2f", 100 * *value);
    return std::string(buffer);
  };
  const auto interval = [](const std::optional<Interval>& value) {
    char buffer[64];
    if (!value) return std::string("                ");
    (void)std::snprintf(buffer, sizeof buffer, "  (%.2f-%.2f)", 100 * value->low, 100 * value->high);
    std::string padded = buffer;
    padded.resize(std::max<std::size_t>(padded.size(), 16), ' ');
    return padded;
  };
  for (const auto& evaluation : evaluations) {
    for (const auto& result : evaluation.protocols) {
      const Scores& scores = result.scores;
      char head[64];
      (void)std::snprintf(head, sizeof head, "%4d  %-15s", evaluation.k, result.protocol.c_str());
      text += head + cell(scores.miou) + interval(result.intervals.miou) + " " + cell(scores.pixel_accuracy) +
              interval(result.intervals.pixel_accuracy) + " " + cell(scores.macro_f1) + cell(scores.fwiou) +
              cell(scores.nmi) + cell(scores.ari) + "    " + cell(result.boundary.f) + "\n";
    }
  }
  return text;
}

}  // namespace datus
