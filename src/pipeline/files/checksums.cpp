// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/checksums.hpp"

#include "datus/core/error.hpp"
#include "datus/core/hash.hpp"
#include "datus/core/text.hpp"
#include "pipeline/files/kept_names.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// Begins the last line, whose hash covers all lines before it.
constexpr std::string_view end_mark = "# hash: ";

/// Files of a writer that was killed, and whatever else is hidden, belong to nobody's results.
bool is_hidden(const fs::path& path) {
  return path.filename().string().starts_with(".");
}

bool has_control_character(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
}

void add_file(const RunDirectory& directory, const fs::path& path, std::vector<std::string>& names) {
  const std::string name = path.lexically_relative(directory.root()).generic_string();
  // No file that datus writes here has such a name, and a line of the list could not hold it.
  if (fs::is_regular_file(path) && !is_hidden(path) && !has_control_character(name)) names.push_back(name);
}

std::vector<std::string> files_without_record(const RunDirectory& directory) {
  std::vector<std::string> names;
  for (const auto& path : {directory.config(), directory.selection(), directory.unreadable()}) {
    add_file(directory, path, names);
  }
  const fs::path clusters = directory.clusters(0).parent_path();
  if (fs::is_directory(clusters)) {
    for (const auto& entry : fs::directory_iterator(clusters)) {
      add_file(directory, entry.path() / directory.carried_classes(0).filename(), names);
      add_file(directory, entry.path() / kept_names_file(directory, 0).filename(), names);
    }
  }
  for (const auto& path : directory.virtual_files()) add_file(directory, path, names);
  for (const fs::path& folder : {directory.scores(0).parent_path(), directory.report().parent_path()}) {
    if (!fs::is_directory(folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) add_file(directory, entry.path(), names);
  }
  std::ranges::sort(names);
  return names;
}

std::string line_of(const RunDirectory& directory, const std::string& name) {
  const fs::path path = directory.root() / name;
  return hash_file(path).hex() + "\t" + std::to_string(fs::file_size(path)) + "\t" + name + "\n";
}

std::string hash_of(std::string_view text) {
  return Hasher().add(text).finish().hex();
}

[[noreturn]] void throw_damaged(const RunDirectory& directory, const std::string& why) {
  throw InputError(directory.checksums().string() + " is damaged", why, "Run the same command again.");
}

/// Stays below the folder that it is relative to.
bool is_inside(const std::string& name) {
  const fs::path path(name);
  return !name.empty() && path.is_relative() && path == path.lexically_normal() && *path.begin() != "..";
}

/// Takes the text up to `end` off the front of `rest`; nothing when it is not there.
std::optional<std::string_view> take_until(std::string_view& rest, char end) {
  const auto at = rest.find(end);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view part = rest.substr(0, at);
  rest.remove_prefix(at + 1);
  return part;
}

std::optional<Checksum> parse_line(std::string_view line) {
  Checksum checksum;
  const auto hash = take_until(line, '\t');
  const auto bytes = take_until(line, '\t');
  if (!hash || !bytes || !is_inside(std::string(line))) return std::nullopt;
  const auto [end, problem] = std::from_chars(bytes->data(), bytes->data() + bytes->size(), checksum.bytes);
  if (problem != std::errc() || checksum.bytes < 0 || end != bytes->data() + bytes->size()) return std::nullopt;
  checksum.hash = *hash;
  checksum.path = line;
  return checksum;
}

}  // namespace

void write_checksums(const RunDirectory& directory, const WriteOptions& options) {
  try {
    std::string text;
    for (const std::string& name : files_without_record(directory)) text += line_of(directory, name);
    text += std::string(end_mark) + hash_of(text) + "\n";
    write_text_atomically(directory.checksums(), text, options);
  } catch (const fs::filesystem_error& error) {
    throw SystemError("Cannot write " + directory.checksums().string(), error.what(),
                      "Check the permissions of the run directory and run again.");
  }
}

void remove_checksums(const RunDirectory& directory) {
  std::error_code problem;
  fs::remove(directory.checksums(), problem);
  if (problem) {
    throw SystemError("Cannot remove " + directory.checksums().string(), problem.message(), "Remove it by hand.");
  }
}

std::optional<std::vector<Checksum>> read_checksums(const RunDirectory& directory) {
  if (!fs::exists(fs::symlink_status(directory.checksums()))) return std::nullopt;
  const auto content = text_of_file(directory.checksums());
  if (!content) throw_damaged(directory, "it is not a regular file, or cannot be read");
  std::string_view rest = *content;
  std::vector<Checksum> checksums;
  while (!rest.starts_with(end_mark)) {
    const auto line = take_until(rest, '\n');
    const auto checksum = line ? parse_line(*line) : std::nullopt;
    if (!checksum) throw_damaged(directory, "line " + std::to_string(checksums.size() + 1) + " is not one of its kind");
    checksums.push_back(*checksum);
  }
  const std::string_view covered(content->data(), content->size() - rest.size());
  if (rest != std::string(end_mark) + hash_of(covered) + "\n") throw_damaged(directory, "its own hash differs");
  return checksums;
}

std::string difference_from(const Checksum& wanted, const RunDirectory& directory) {
  const fs::path path = directory.root() / wanted.path;
  std::error_code problem;
  const auto status = fs::status(path, problem);
  if (status.type() == fs::file_type::not_found) return "is missing";
  if (problem) return "cannot be read: " + problem.message();
  if (status.type() != fs::file_type::regular) return "is not a regular file any more";
  const auto bytes = static_cast<std::int64_t>(fs::file_size(path, problem));
  if (problem) return "cannot be read: " + problem.message();
  if (wanted.bytes >= 0 && bytes != wanted.bytes) {
    return "has " + std::to_string(bytes) + " bytes, had " + std::to_string(wanted.bytes) + " when it was written";
  }
  try {
    return hash_file(path).hex() == wanted.hash ? "" : "was changed after it was written";
  } catch (const InputError& error) {
    return std::string("cannot be read: ") + error.what();
  }
}

}  // namespace datus
