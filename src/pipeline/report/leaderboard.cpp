// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/leaderboard.hpp"

#include "datus/config/config.hpp"
#include "datus/core/error.hpp"
#include "datus/core/log.hpp"
#include "datus/pipeline/run_directory.hpp"
#include "datus/pipeline/score_files.hpp"
#include "pipeline/files/current_scores.hpp"
#include "pipeline/report/published_scores.hpp"
#include "pipeline/report/run_settings.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// A finished run.
struct ScoredRun {
  Config config;
  MethodSettings settings;
  std::vector<Evaluation> evaluations;
};

ScoredRun read_run(const fs::path& folder) {
  const RunDirectory run(folder);
  if (!fs::exists(run.config())) {
    throw InputError("No run in " + folder.string(), run.config().string() + " does not exist",
                     "Give the directory of a run.");
  }
  ScoredRun found{load_config(run.config(), {}), {}, {}};
  found.settings = method_settings(found.config);
  for (const int k : found.config.cluster.k) {
    if (!fs::exists(run.scores(k))) continue;
    Evaluation scores = read_scores(run.scores(k));
    if (const std::string why = why_not_current(scores, run, found.config); !why.empty()) {
      log::warning(folder.string() + ": " + why);
      continue;
    }
    found.evaluations.push_back(std::move(scores));
  }
  if (found.evaluations.empty()) log::warning(folder.string() + " has no scores and is left out");
  return found;
}

/// "best", "paper, affinity.center: image": what tells these runs apart from the others.
std::string method_name(const ScoredRun& run, const std::set<std::string>& varied) {
  std::string name = run.config.preset;
  for (const std::string& key : varied) {
    const auto found = run.settings.find(key);
    if (found != run.settings.end()) name += ", " + key + ": " + found->second;
  }
  return name;
}

/// Settings that have several values among runs of the same preset.
std::set<std::string> varied_settings(const std::vector<ScoredRun>& runs) {
  std::map<std::string, std::map<std::string, std::set<std::string>>> values;  // preset, key
  for (const ScoredRun& run : runs) {
    for (const auto& [key, value] : run.settings) values[run.config.preset][key].insert(value);
  }
  std::set<std::string> varied;
  for (const auto& [preset, keys] : values) {
    for (const auto& [key, found] : keys) {
      if (found.size() > 1) varied.insert(key);
    }
  }
  return varied;
}

std::array<std::optional<double>, LeaderboardScores::names.size()> columns_of(const ProtocolScores& scores) {
  return {scores.scores.miou,     scores.scores.pixel_accuracy,
          scores.scores.macro_f1, scores.scores.fwiou,
          scores.scores.nmi,      scores.scores.ari,
          scores.boundary.f};
}

LeaderboardScores statistics(const std::vector<const ProtocolScores*>& seeds) {
  LeaderboardScores result;
  const auto count = static_cast<double>(seeds.size());
  for (std::size_t column = 0; column < result.mean.size(); ++column) {
    double sum = 0;
    double squares = 0;
    bool is_known = true;
    for (const ProtocolScores* scores : seeds) {
      const auto value = columns_of(*scores)[column];
      is_known = is_known && value.has_value();
      sum += value.value_or(0);
    }
    if (!is_known) continue;
    const double mean = sum / count;
    for (const ProtocolScores* scores : seeds) squares += std::pow(*columns_of(*scores)[column] - mean, 2);
    result.mean[column] = mean;
    if (seeds.size() > 1) result.deviation[column] = std::sqrt(squares / (count - 1));
  }
  return result;
}

}  // namespace

std::vector<LeaderboardRow> read_leaderboard(std::span<const fs::path> folders) {
  std::vector<ScoredRun> runs;
  for (const fs::path& folder : folders) runs.push_back(read_run(folder));
  const auto varied = varied_settings(runs);
  using Key = std::tuple<std::string, std::string, int, std::string, std::string>;
  std::map<Key, std::vector<const ProtocolScores*>> groups;
  std::set<std::string> kinds;
  for (const ScoredRun& run : runs) {
    for (const Evaluation& evaluation : run.evaluations) {
      kinds.insert(run.config.dataset.kind.name);
      for (const ProtocolScores& scores : evaluation.protocols) {
        groups[{dataset_name(run.config.dataset), scores.protocol, evaluation.k, backbone_name(run.config),
                method_name(run, varied)}]
            .push_back(&scores);
      }
    }
  }
  if (groups.empty()) {
    throw InputError("There are no scores to compare", "none of the runs has any",
                     "Give runs with ground truth that are finished.");
  }
  std::vector<LeaderboardRow> rows;
  for (const auto& [key, seeds] : groups) {
    const auto& [dataset, protocol, k, backbone, method] = key;
    rows.push_back({dataset, backbone, method, k, protocol, static_cast<int>(seeds.size()), statistics(seeds), {}});
  }
  std::ranges::stable_sort(rows, [](const LeaderboardRow& one, const LeaderboardRow& other) {
    const auto rank = [](const LeaderboardRow& row) {
      return std::tuple(row.dataset, row.protocol, row.k, -row.scores.mean[0].value_or(0));
    };
    return rank(one) < rank(other);
  });
  for (const std::string& kind : kinds) {
    const auto published = published_scores(kind);
    rows.insert(rows.end(), published.begin(), published.end());
  }
  return rows;
}

}  // namespace datus
