// SPDX-License-Identifier: Apache-2.0
#include "pipeline/verify/run_overview.hpp"

#include "datus/config/config.hpp"
#include "datus/core/error.hpp"
#include "datus/core/text.hpp"
#include "datus/pipeline/score_files.hpp"
#include "pipeline/files/config_file.hpp"
#include "pipeline/files/current_scores.hpp"
#include "pipeline/files/image_list.hpp"
#include "pipeline/files/mask_store.hpp"
#include "pipeline/files/stage_files.hpp"
#include "pipeline/verify/unused_clusters.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace datus {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

void print_line(std::ostream& out, const std::string& name, const std::string& text) {
  out << "  " << pad_right(name, 10) << text << "\n";
}

/// An object, empty for anything else.
Json json_in(const fs::path& path) {
  Json json = Json::parse(text_of_file(path).value_or(""), nullptr, false);
  return json.is_object() ? json : Json::object();
}

std::string text_of(const Json& json, const char* name, const std::string& otherwise) {
  return json.contains(name) && json[name].is_string() ? json[name].get<std::string>() : otherwise;
}

std::string state_text(const RunDirectory& directory) {
  const Json json = json_in(directory.state());
  std::string text = text_of(json, "state", "not known: state.json is missing or damaged");
  if (json.contains("command")) text += " (" + text_of(json, "command", "?") + ")";
  if (json.contains("error")) text += ": " + text_of(json, "error", "");
  return fs::exists(directory.lock()) ? text + "; a job is at work here, or was killed" : text;
}

std::string joined(const std::vector<int>& clusters) {
  std::string text;
  for (const int k : clusters) text += (text.empty() ? "" : ", ") + std::to_string(k);
  return text;
}

/// The shards that are there, "5 of 6 shards".
template <class Has>
std::string shards_text(const ImageList& list, const Has& has) {
  std::int64_t there = 0;
  for (std::int64_t shard = 0; shard < list.shards(); ++shard) there += has(ShardIndex{shard}) ? 1 : 0;
  return std::to_string(there) + " of " + counted(list.shards(), "shard");
}

/// One line for each K that has `file`.
template <class Has>
std::string clusters_text(const std::vector<int>& clusters, const Has& has) {
  std::vector<int> done;
  for (const int k : clusters) {
    if (has(k)) done.push_back(k);
  }
  return done.empty() ? "none" : "K = " + joined(done);
}

void print_stages(const RunDirectory& directory, const Config& config, const ImageList& list, std::ostream& out) {
  for (const StageFiles& files : stage_files) {
    if (!files.is_by_shard) continue;
    print_line(
        out, stage_name(files.stage),
        keeps_files(config.storage, files.stage)
            ? shards_text(list, [&](ShardIndex shard) { return fs::exists(directory.shard_file(files.stage, shard)); })
            : "nothing stored (storage.embeddings: none)");
  }
  const auto& clusters = config.cluster.k;
  print_line(out, "cluster", clusters_text(clusters, [&](int k) { return fs::exists(directory.assignment(k)); }));
  std::string masks;
  for (const int k : clusters) {
    masks += (masks.empty() ? "K = " : ", K = ") + std::to_string(k) + ": " +
             shards_text(list, [&](ShardIndex shard) { return has_mask_markers(directory, config.mask, k, shard); });
  }
  print_line(out, "mask", masks);
  print_line(out, "evaluate", clusters_text(clusters, [&](int k) { return fs::exists(directory.scores(k)); }));
  print_line(out, "report", fs::exists(directory.report()) ? directory.report().string() : "none");
}

std::string images_text(const ImageList& list, const Json& summary) {
  std::string text = counted(list.size(), "image") + " in " + counted(list.shards(), "shard");
  const auto count = [&](const char* name) { return summary.contains(name) && summary[name].is_number_integer(); };
  if (count("unreadable")) text += ", " + std::to_string(summary["unreadable"].get<std::int64_t>()) + " unreadable";
  if (count("segments")) text += ", " + counted(summary["segments"].get<std::int64_t>(), "segment");
  return text;
}

void print_scores(const RunDirectory& directory, const Config& config, std::ostream& out) {
  std::vector<Evaluation> scores;
  for (const int k : config.cluster.k) {
    try {
      if (!fs::exists(directory.scores(k))) continue;
      Evaluation of_k = read_scores(directory.scores(k));
      const std::string why = why_not_current(of_k, directory, config);
      if (why.empty()) {
        scores.push_back(std::move(of_k));
      } else {
        print_line(out, "scores", why);
      }
    } catch (const InputError& error) {
      print_line(out, "scores", error.what());
    }
  }
  if (!scores.empty()) out << "\n" << score_table(scores) << "   (percent)\n";
}

/// "keys 4 files of 1.2 MiB, segments …": by the first folder; files of the run's own folder by themselves.
void print_files(const RunDirectory& directory, std::ostream& out) {
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> sizes;
  for (const auto& entry : fs::recursive_directory_iterator(directory.root())) {
    if (!entry.is_regular_file()) continue;
    const fs::path name = entry.path().lexically_relative(directory.root());
    auto& [files, bytes] = sizes[std::next(name.begin()) == name.end() ? "." : name.begin()->string()];
    ++files;
    bytes += static_cast<std::int64_t>(entry.file_size());
  }
  out << "\n";
  for (const auto& [folder, size] : sizes) {
    out << "  " << pad_right(folder, 14) << pad_left(counted(size.first, "file"), 16)
        << pad_left(size_text(size.second), 12) << "\n";
  }
}

void print_recorded(const RunDirectory& directory, const Json& summary, std::ostream& out) {
  const auto record = read_config_file_record(directory.config());
  if (!record || !record->intact) {
    return print_line(out, "settings",
                      "config.yaml is missing, damaged or changed by hand: the next run writes it anew");
  }
  const Config config = load_config(directory.config(), {});
  if (fs::exists(directory.image_list())) {
    try {
      const ImageList list = read_image_list(directory.image_list());
      print_line(out, "images", images_text(list, summary));
      print_stages(directory, config, list, out);
    } catch (const InputError& error) {
      print_line(out, "images", error.what());
    }
  } else {
    print_line(out, "images", "images.h5 is missing: the next run writes it anew");
  }
  std::string values = joined(config.cluster.k);
  const auto unused = unused_clusters(directory, config.cluster.k);
  if (!unused.empty()) {
    std::vector<int> others;
    for (const auto& one : unused) others.push_back(one.first);
    values += "; no longer asked for, but there: " + joined(others) + " ('datus clean " + directory.root().string() +
              "' removes them)";
  }
  print_line(out, "K", values);
  if (config.model.weights) {
    print_line(out, "weights",
               config.model.weights->string() +
                   (record->inputs.weights ? ", hash " + record->inputs.weights->hex() : std::string()));
  }
  print_line(out, "backend", record->inputs.backend);
  print_scores(directory, config, out);
}

}  // namespace

void print_run_overview(const RunDirectory& directory, std::ostream& out) {
  const Json summary = json_in(directory.summary());
  out << directory.root().string() << "\n";
  print_line(out, "state", state_text(directory));
  print_line(out, "version", text_of(summary, "version", "not recorded"));
  print_recorded(directory, summary, out);
  print_files(directory, out);
}

}  // namespace datus
