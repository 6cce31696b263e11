// SPDX-License-Identifier: Apache-2.0
#include "pipeline/verify/verify_run.hpp"

#include "datus/core/error.hpp"
#include "datus/core/text.hpp"
#include "datus/io/atomic_file.hpp"
#include "pipeline/files/config_file.hpp"
#include "pipeline/files/key_mean.hpp"
#include "pipeline/files/stage_files.hpp"
#include "pipeline/session/run_summary.hpp"
#include "pipeline/verify/run_verifier.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

namespace datus {
namespace {

namespace fs = std::filesystem;
using Kind = RunFinding::Kind;

/// Whether RUN/state.json says that the job did all of its work; what cannot be understood says nothing.
bool says_done(const fs::path& state) {
  const auto json = nlohmann::json::parse(text_of_file(state).value_or(""), nullptr, false);
  return json.is_object() && json.contains("state") && json["state"] == "done";
}

void check_config(RunVerifier& check, std::optional<RunInputs>& inputs) {
  const fs::path path = check.directory.config();
  check.take(path);
  if (!is_there(path)) return check.add_missing(path);
  const auto record = read_config_file_record(path);
  if (!record || !record->intact) {
    return check.add(Kind::damaged, path, "its hash does not fit: damaged, changed by hand, or of another version");
  }
  try {
    check.config = load_config(path, {});
    inputs = record->inputs;
    check.count_fine("config");
  } catch (const Error& error) {
    check.add(Kind::damaged, path, std::string("this version cannot read it: ") + error.what());
  }
}

void check_list(RunVerifier& check) {
  const fs::path path = check.directory.image_list();
  check.take(path);
  if (!is_there(path)) return check.add_missing(path);
  if (const std::string problem = problem_of_place(path); !problem.empty()) {
    return check.add(Kind::damaged, path, problem);
  }
  try {
    check.list = read_image_list(path);
    check.count_fine("image list");
  } catch (const std::exception& error) {
    check.add_damaged(path, error);
  }
}

/// The number at `begin` of a name and what follows it: "000012.h5" gives 12 where `end` is ".h5".
std::optional<std::int64_t> number_in(std::string_view name, std::size_t begin, std::string_view end) {
  if (name.size() <= begin + end.size() || !name.ends_with(end)) return std::nullopt;
  std::int64_t number = 0;
  const char* last = name.data() + name.size() - end.size();
  const auto [stop, problem] = std::from_chars(name.data() + begin, last, number);
  return problem == std::errc() && stop == last && number >= 0 ? std::optional(number) : std::nullopt;
}

std::int64_t shards_present(const RunVerifier& check) {
  std::int64_t shards = 0;
  for (const StageFiles& stage : stage_files) {
    if (!stage.is_by_shard) continue;
    const std::string folder = stage.folder;
    for (const std::string& name : check.left_below(folder)) {
      const auto number = number_in(name, folder.size() + 1, ".h5");
      // More digits than a run ever has are no shard; a number made of them could have any size.
      if (number && *number < 1'000'000) shards = std::max(shards, *number + 1);
    }
  }
  return shards;
}

void check_shards(RunVerifier& check, const StageFiles& stage) {
  const std::string folder = stage.folder;
  if (check.config && !keeps_files(check.config->storage, stage.stage)) {
    const auto left = check.left_below(folder);
    for (const std::string& name : left) check.take(check.directory.root() / name);
    if (left.empty()) return;
    return check.add(Kind::note, check.directory.root() / folder,
                     std::to_string(left.size()) + " files of an earlier setting: this run keeps no " + folder);
  }
  std::optional<StageProvenance> wanted;
  if (check.provenance) wanted = check.provenance->of(stage.stage);
  std::vector<fs::path> files;
  std::vector<bool> is_missing;
  for (std::int64_t i = 0; i < check.shards; ++i) {
    files.push_back(check.directory.shard_file(stage.stage, {i}));
    is_missing.push_back(!is_there(files.back()));
  }
  const bool any = std::ranges::find(is_missing, false) != is_missing.end();
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (!is_missing[i]) {
      check.check_hdf5(files[i], folder, wanted, ShardIndex{static_cast<std::int64_t>(i)});
    } else if (any || check.is_done) {
      check.add_missing(files[i]);
    }
  }
}

void check_key_mean(RunVerifier& check) {
  const fs::path path = check.directory.key_mean();
  const bool is_needed = check.config && needs_dataset_mean(*check.config);
  if (is_there(path)) {
    check.check_hdf5(path, "mean embedding", std::nullopt);
    if (check.config && !is_needed) check.add(Kind::note, path, "of an earlier setting of affinity.center");
  } else if (is_needed && check.is_done) {
    check.add_missing(path);
  }
}

/// The values of K that the run was asked for, and with `false` others that it still has files of.
std::map<int, bool> values_of_k(const RunVerifier& check) {
  std::map<int, bool> values;
  for (const std::string& name : check.left()) {
    for (const auto& [folder, ending] : {std::pair<std::string_view, std::string_view>("clusters/k", ""),
                                         {"masks/.done/k", ""},
                                         {"masks/k", "-packed"}}) {
      if (!name.starts_with(folder)) continue;
      const auto k = number_in(std::string_view(name).substr(0, name.find('/', folder.size())), folder.size(), ending);
      if (k && *k <= 1'000'000) values.emplace(static_cast<int>(*k), !check.config);
    }
  }
  if (!check.config) return values;
  for (const int k : check.config->cluster.k) values[k] = true;
  return values;
}

void check_clusters(RunVerifier& check, int k, bool is_configured) {
  std::optional<StageProvenance> wanted;
  if (is_configured && check.provenance) wanted = check.provenance->of(Stage::cluster, k);
  const std::vector<fs::path> files = {check.directory.centroids(k), check.directory.assignment(k)};
  std::vector<bool> is_missing;
  for (const fs::path& file : files) is_missing.push_back(!is_there(file));
  const bool any = std::ranges::find(is_missing, false) != is_missing.end();
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (!is_missing[i]) {
      check.check_hdf5(files[i], "cluster files", wanted);
    } else if (any || check.is_done) {
      check.add_missing(files[i]);
    }
  }
  if (is_configured || !any) return;
  check.add(
      Kind::note, check.directory.clusters(k),
      "K = " + std::to_string(k) + " is not in cluster.k: its files are not made again; 'datus clean' removes them");
}

const char* kind_of(const std::string& name) {
  if (name.starts_with("scores/")) return "scores";
  if (name.starts_with("report/")) return "report files";
  return name.ends_with(".h5") && name.find('/') == std::string::npos ? "virtual files" : "other files";
}

/// Files that have no record of their own and are not in checksums.tsv.
std::vector<fs::path> unlisted_files(const RunVerifier& check) {
  std::vector<fs::path> files;
  for (const char* folder : {"scores", "report"}) {
    for (const std::string& name : check.left_below(folder)) files.push_back(check.directory.root() / name);
  }
  for (const std::string& name : check.left_below("clusters")) {
    if (name.ends_with("/classes.json") || name.ends_with("/names.yaml"))
      files.push_back(check.directory.root() / name);
  }
  auto others = check.directory.virtual_files();
  others.push_back(check.directory.selection());
  others.push_back(check.directory.unreadable());
  for (const fs::path& file : others) {
    if (check.left().contains(check.name_of(file))) files.push_back(file);
  }
  std::erase_if(files, is_unfinished);
  return files;
}

/// Files without a record of their own.
void check_others(RunVerifier& check) {
  const fs::path path = check.directory.checksums();
  check.take(path);
  std::optional<std::vector<Checksum>> checksums;
  try {
    checksums = read_checksums(check.directory);
    if (checksums) check.count_fine("checksums");
  } catch (const std::exception& error) {
    check.add_damaged(path, error);
  }
  if (!is_there(path) && check.is_done) check.add_missing(path);
  for (const Checksum& checksum : checksums.value_or(std::vector<Checksum>())) {
    // This one was looked at more closely.
    if (check.directory.root() / checksum.path == check.directory.config()) continue;
    check.check_bytes(checksum, kind_of(checksum.path));
  }
  for (const fs::path& file : unlisted_files(check)) {
    check.take(file);
    if (checksums) {
      check.add(Kind::foreign, file, "checksums.tsv does not have it");
    } else {
      ++check.result.unchecked;
    }
  }
}

/// A folder in which other programs look for results, so that a file too many matters.
bool is_result_folder(std::string_view name) {
  return name == "report" ||
         std::ranges::any_of(stage_files, [&](const StageFiles& files) { return name == files.folder; });
}

/// What nobody answered for.
void check_rest(RunVerifier& check) {
  for (const fs::path& file :
       {check.directory.summary(), summary_script_path(check.directory), check.directory.state()})
    check.take(file);
  if (is_there(check.directory.lock())) {
    check.take(check.directory.lock());
    check.add(Kind::note, check.directory.lock(), "a job is at work here, or was killed");
  }
  if (is_there(check.directory.cluster_checkpoint())) {
    check.check_hdf5(check.directory.cluster_checkpoint(), "checkpoint", std::nullopt);
  }
  std::map<std::string, std::int64_t> unknown;  // by their first folder
  for (const std::string& name : check.left()) {
    const fs::path path = check.directory.root() / name;
    const std::string top = name.substr(0, name.find('/'));
    if (is_unfinished(path)) {
      check.add(Kind::note, path, "unfinished: being written, or left by a job that was killed");
    } else if (top == "log" || top == "claims" || top == "export") {
      continue;
    } else if (is_result_folder(top)) {
      check.add(Kind::foreign, path, "no file of this run has this name");
    } else {
      ++unknown[top];
    }
  }
  for (const auto& [name, files] : unknown) {
    check.add(Kind::note, check.directory.root() / name,
              std::to_string(files) + (files == 1 ? " file that is" : " files that are") + " not of datus");
  }
}

}  // namespace

std::int64_t RunVerification::count(RunFinding::Kind kind) const {
  return std::ranges::count(findings, kind, &RunFinding::kind);
}

bool RunVerification::is_fine() const {
  return count(Kind::note) == std::ssize(findings);
}

const char* to_string(RunFinding::Kind kind) noexcept {
  switch (kind) {
    case RunFinding::Kind::damaged:
      return "damaged";
    case RunFinding::Kind::missing:
      return "missing";
    case RunFinding::Kind::stale:
      return "stale";
    case RunFinding::Kind::foreign:
      return "foreign";
    case RunFinding::Kind::note:
      break;
  }
  return "note";
}

RunVerification verify_run(const RunDirectory& directory) {
  RunVerifier check(directory);
  check.is_done = says_done(directory.state());
  std::optional<RunInputs> inputs;
  check_config(check, inputs);
  check_list(check);
  if (inputs && check.list) {
    inputs->set_images(*check.list);
    if (needs_dataset_mean(*check.config)) inputs->dataset_mean = hash_of_key_mean(directory.key_mean());
    check.provenance.emplace(*check.config, *inputs);
  }
  check.shards = check.list ? check.list->shards() : shards_present(check);
  for (const StageFiles& stage : stage_files) {
    if (stage.is_by_shard) check_shards(check, stage);
  }
  check_key_mean(check);
  for (const auto& [k, is_configured] : values_of_k(check)) {
    check_clusters(check, k, is_configured);
    check_masks(check, k, is_configured);
  }
  check_others(check);
  check_rest(check);
  return std::move(check.result);
}

}  // namespace datus
