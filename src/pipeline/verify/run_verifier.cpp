// SPDX-License-Identifier: Apache-2.0
#include "pipeline/verify/run_verifier.hpp"

#include "datus/core/error.hpp"
#include "datus/io/hdf5_reader.hpp"

#include <algorithm>
#include <string_view>
#include <system_error>

namespace datus {
namespace {

namespace fs = std::filesystem;

void remove_all_of(std::string& text, std::string_view part) {
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at)) text.erase(at, part.size());
}

/// Empty when a verified file is of that provenance and that shard.
std::string difference_of(const Hdf5Reader& reader, const std::optional<StageProvenance>& wanted,
                          std::optional<ShardIndex> shard) {
  if (shard && !reader.has_attribute("/", "shard")) return "no record of its shard: another version of datus made it";
  if (!wanted) {
    const auto found = shard ? reader.attribute<std::int64_t>("/", "shard") : 0;
    return shard && found != shard->value ? "it is a copy of shard " + std::to_string(found) : "";
  }
  const StageProvenance record = shard ? wanted->of_shard(*shard) : *wanted;
  if (has_provenance(reader, record)) return {};
  const std::string difference = describe_difference(reader, record);
  return difference.empty() ? "it is not of this run" : difference;
}

}  // namespace

bool is_there(const fs::path& path) {
  std::error_code problem;
  return fs::symlink_status(path, problem).type() != fs::file_type::not_found;
}

std::string problem_of_place(const fs::path& path) {
  std::error_code problem;
  const auto status = fs::status(path, problem);
  if (status.type() == fs::file_type::directory) return "a folder is in its place";
  if (status.type() == fs::file_type::not_found) return "it is a link to nowhere";
  if (status.type() != fs::file_type::regular) return problem ? problem.message() : "it is not a regular file";
  return {};
}

RunVerifier::RunVerifier(RunDirectory run) : directory(std::move(run)) {
  std::set<fs::path> visited;
  list_folder(directory.root(), visited);
}

void RunVerifier::list_folder(const fs::path& folder, std::set<fs::path>& visited) {
  std::error_code problem;
  // Links may lead in a circle.
  if (!visited.insert(fs::canonical(folder, problem)).second) return;
  fs::directory_iterator entry(folder, problem);
  for (; !problem && entry != fs::directory_iterator(); entry.increment(problem)) {
    std::error_code unknown;
    if (entry->is_directory(unknown)) {
      list_folder(entry->path(), visited);
    } else {
      files_.insert(name_of(entry->path()));
    }
  }
  if (problem) add(Kind::damaged, folder, "the folder cannot be read: " + problem.message());
}

std::string RunVerifier::name_of(const fs::path& path) const {
  return path.lexically_relative(directory.root()).generic_string();
}

void RunVerifier::add(Kind kind, const fs::path& path, std::string reason) {
  std::replace(reason.begin(), reason.end(), '\n', ' ');
  result.findings.push_back({kind, name_of(path), std::move(reason)});
}

void RunVerifier::add_damaged(const fs::path& path, const std::exception& error) {
  std::string text = error.what();
  if (const auto advice = text.rfind(") "); advice != std::string::npos) text.resize(advice + 1);
  remove_all_of(text, path.string() + " ");
  remove_all_of(text, (directory.root() / "").string());
  add(Kind::damaged, path, text);
}

std::vector<std::string> RunVerifier::left_below(const std::string& folder) const {
  const std::string prefix = folder + "/";
  std::vector<std::string> names;
  for (auto file = files_.lower_bound(prefix); file != files_.end() && file->starts_with(prefix); ++file) {
    names.push_back(*file);
  }
  return names;
}

void RunVerifier::check_hdf5(const fs::path& path, const std::string& kind,
                             const std::optional<StageProvenance>& wanted, std::optional<ShardIndex> shard) {
  take(path);
  if (const std::string problem = problem_of_place(path); !problem.empty()) return add(Kind::damaged, path, problem);
  try {
    const Hdf5Reader reader(path);
    if (reader.verify() != VerifyResult::verified) {
      return add(Kind::damaged, path, "it has no record of what was written: not complete, or not from datus");
    }
    const std::string difference = difference_of(reader, wanted, shard);
    if (!difference.empty()) return add(Kind::stale, path, difference);
    count_fine(kind);
  } catch (const std::exception& error) {
    add_damaged(path, error);
  }
}

void RunVerifier::check_bytes(const Checksum& wanted, const std::string& kind, const std::string& by) {
  const fs::path path = directory.root() / wanted.path;
  take(path);
  const std::string difference = difference_from(wanted, directory);
  if (difference.empty()) return count_fine(kind);
  const bool is_missing = !is_there(path);
  add(is_missing ? Kind::missing : Kind::damaged, path,
      (is_missing ? "no such file" : difference) + (by.empty() ? "" : " (" + by + ")"));
}

}  // namespace datus
