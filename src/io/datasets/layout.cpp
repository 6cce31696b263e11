// SPDX-License-Identifier: Apache-2.0
#include "io/datasets/layout.hpp"

#include "datus/core/error.hpp"
#include "datus/core/text.hpp"

#include <algorithm>
#include <string_view>
#include <system_error>
#include <vector>

namespace datus::io_detail {
namespace {

namespace fs = std::filesystem;
using Description = DatasetDescription;

constexpr std::string_view split_mark = "{split}";

/// The folder of the split; names that the description does not know stand for themselves.
std::string folder_of_split(const Description& description, const std::string& split) {
  const auto known = std::ranges::find(description.splits, split, &Description::Split::name);
  return known == description.splits.end() ? split : known->folder;
}

bool depends_on_split(const std::string& pattern) {
  return pattern.find(split_mark) != std::string::npos;
}

std::string name_of(const fs::path& folder) {
  const fs::path itself = fs::absolute(folder).lexically_normal();
  return (itself.has_filename() ? itself : itself.parent_path()).filename().string();
}

std::string names_of(const Description& description) {
  std::string names;
  for (const auto& split : description.splits) names += (names.empty() ? "" : ", ") + split.name;
  return names;
}

[[noreturn]] void throw_no_split(const Description& description, const fs::path& root, const std::string& example) {
  throw UsageError("dataset.split is missing", root.string() + " holds several parts: " + example + " and others",
                   "Say which one to use: " + names_of(description) + ".");
}

/// Refuses a root that holds parts, of which one has to be chosen.
void require_no_parts(const Description& description, const fs::path& root, const std::string& pattern) {
  std::error_code unknown;
  for (const auto& split : description.splits) {
    const auto part = filled(pattern, description, split.name);
    if (part && depends_on_split(pattern) && fs::exists(root / *part, unknown))
      throw_no_split(description, root, *part);
  }
}

}  // namespace

std::optional<std::string> filled(const std::string& pattern, const Description& description,
                                  const std::string& split) {
  if (!depends_on_split(pattern)) return pattern;
  if (split.empty()) return std::nullopt;
  std::string text = pattern;
  for (std::size_t at = text.find(split_mark); at != std::string::npos; at = text.find(split_mark)) {
    text.replace(at, split_mark.size(), folder_of_split(description, split));
  }
  return text;
}

std::string content_of(const fs::path& folder) {
  constexpr std::size_t shown = 5;
  std::vector<std::string> names;
  std::int64_t folders = 0;
  std::error_code failure;
  for (fs::directory_iterator entry(folder, failure); !failure && entry != fs::directory_iterator();
       entry.increment(failure)) {
    std::error_code unknown;
    folders += entry->is_directory(unknown) ? 1 : 0;
    names.push_back(entry->path().filename().string());
  }
  if (failure) return "cannot be listed: " + failure.message();
  if (names.empty()) return "is empty";
  std::ranges::sort(names);
  std::string text = "holds " + counted(folders, "folder") + " and " +
                     counted(static_cast<std::int64_t>(names.size()) - folders, "file") + ": ";
  for (std::size_t i = 0; i < std::min(names.size(), shown); ++i) text += (i == 0 ? "" : ", ") + names[i];
  return text + (names.size() > shown ? ", …" : "");
}

std::string filled_pattern(const Search& search, const std::string& pattern) {
  if (auto text = filled(pattern, search.description, search.split)) return *std::move(text);
  throw UsageError("dataset.split is missing",
                   pattern + " of " + search.description.origin + ":" + std::to_string(search.files.line) +
                       " is not the same for all parts",
                   "Say which one to use: " + names_of(search.description) + ".");
}

std::string looked_for(const Search& search) {
  std::string names;
  for (const std::string& pattern : search.files.folders) {
    names += (names.empty() ? "" : ", ") + filled(pattern, search.description, search.split).value_or(pattern);
  }
  return "looked for the folder " + names + ", as " + search.description.origin + ":" +
         std::to_string(search.files.line) + " says, in " + search.root.string() + ", which " + content_of(search.root);
}

std::optional<fs::path> described_folder(const Search& search) {
  std::error_code unknown;
  for (const std::string& pattern : search.files.folders) {
    const auto folder = filled(pattern, search.description, search.split);
    if (folder && fs::is_directory(search.root / *folder, unknown)) return (search.root / *folder).lexically_normal();
  }
  return std::nullopt;
}

fs::path folder_of(const Search& search) {
  if (const auto found = described_folder(search)) return *found;
  if (search.split.empty()) {
    for (const std::string& pattern : search.files.folders) require_no_parts(search.description, search.root, pattern);
    return search.root;
  }
  const bool is_fixed = std::ranges::none_of(search.files.folders, depends_on_split);
  if (is_fixed || name_of(search.root) == folder_of_split(search.description, search.split)) return search.root;
  throw InputError("Cannot find split " + search.split + " of dataset." + search.key + " " + search.root.string(),
                   looked_for(search), "Check the path and dataset.split (" + names_of(search.description) + ").");
}

std::optional<fs::path> described_list(const Description& description, const fs::path& root, const std::string& split) {
  if (description.list.empty()) return std::nullopt;
  const auto name = filled(description.list, description, split);
  if (!name) {
    require_no_parts(description, root, description.list);
    return std::nullopt;
  }
  std::error_code unknown;
  if (fs::is_regular_file(root / *name, unknown)) return root / *name;
  throw InputError("Cannot find the list of split " + split + " of dataset.images " + root.string(),
                   "looked for the file " + *name + ", as " + description.origin + " says, in " + root.string() +
                       ", which " + content_of(root),
                   "Check the path and dataset.split (" + names_of(description) + ").");
}

}  // namespace datus::io_detail
