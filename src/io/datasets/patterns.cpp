// SPDX-License-Identifier: Apache-2.0
#include "io/datasets/patterns.hpp"

#include "datus/core/error.hpp"
#include "datus/core/glob.hpp"
#include "datus/core/names.hpp"
#include "datus/core/text.hpp"

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <utility>

namespace datus::io_detail {
namespace {

namespace fs = std::filesystem;

/// The alternatives of each pattern.
using Patterns = std::vector<std::vector<Glob>>;

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

Patterns patterns_of(const Search& search) {
  Patterns patterns;
  for (const std::string& pattern : search.files.patterns) {
    auto& alternatives = patterns.emplace_back();
    for (std::string& one : Glob::alternatives(filled_pattern(search, pattern))) {
      alternatives.emplace_back(std::move(one));
    }
  }
  return patterns;
}

/// "*.jpg, *.png", as they were written.
std::string text_of(const Search& search) {
  std::string text;
  for (const std::string& pattern : search.files.patterns) {
    text += (text.empty() ? "" : ", ") + filled_pattern(search, pattern);
  }
  return text;
}

/// The pattern that matches, by its place, and what its wildcards do in the name without the ending.
using Match = std::pair<std::size_t, std::vector<std::string>>;

std::optional<Match> match(const Patterns& patterns, const std::string& name, bool with_ending) {
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    for (const Glob& glob : patterns[i]) {
      if (with_ending && !glob.match(name)) continue;
      if (auto texts = glob.stem().match(stem_of(name))) return Match{i, *std::move(texts)};
    }
  }
  return std::nullopt;
}

bool matches_in_lower_case(const Patterns& patterns, const std::string& name) {
  return std::ranges::any_of(patterns, [&](const auto& alternatives) {
    return std::ranges::any_of(
        alternatives, [&](const Glob& glob) { return Glob(lower(glob.text())).match(lower(name)).has_value(); });
  });
}

std::string first_of(const std::vector<std::string>& names) {
  constexpr std::size_t shown = 5;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), shown); ++i) text += (i == 0 ? "" : ", ") + names[i];
  return text + (names.size() > shown ? ", …" : "");
}

constexpr auto by_case = " differs in capital letters alone";

/// The files below `folder` that are the ground truth of an image. Several patterns for as many of the images belong
/// together one by one.
std::set<std::string> truth_names(const Patterns& truth, const Patterns& images, const Match& image) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    if (truth.size() == images.size() && i != image.first) continue;
    for (const Glob& glob : truth[i]) names.insert(glob.filled(image.second));
  }
  return names;
}

/// A file, or a link that leads nowhere: whoever reads it says so.
bool is_there(const fs::path& file) {
  std::error_code unknown;
  return fs::exists(fs::symlink_status(file, unknown)) && !fs::is_directory(file, unknown);
}

/// What stands in the folder of a file that is not there.
std::string what_is_there(const fs::path& missing) {
  const fs::path folder = missing.parent_path();
  const std::string wanted = lower(missing.filename().string());
  std::string text = folder.string() + " " + content_of(folder);
  std::error_code failure;
  for (fs::directory_iterator entry(folder, failure); !failure && entry != fs::directory_iterator();
       entry.increment(failure)) {
    const std::string name = entry->path().filename().string();
    if (lower(name) == wanted) return text + "; " + name + by_case;
  }
  return text;
}

}  // namespace

void keep_matching(FoundImages& found, const Search& images, const fs::path& folder) {
  const Patterns patterns = patterns_of(images);
  std::vector<std::string> others;
  std::erase_if(found.items, [&](const DatasetItem& item) {
    if (match(patterns, item.name, /*with_ending=*/true)) return false;
    others.push_back(item.name);
    return true;
  });
  if (others.empty()) return;
  std::string text = counted(std::ssize(others), "image") + " named otherwise than " + text_of(images);
  const auto near =
      std::ranges::find_if(others, [&](const auto& name) { return matches_in_lower_case(patterns, name); });
  if (near != others.end()) text += " (" + *near + by_case + ")";
  if (found.items.empty()) {
    throw InputError(
        "No image is named " + text_of(images) + " in " + folder.string(), "found " + text + ": " + first_of(others),
        "Correct images.files of " + images.description.origin + ":" + std::to_string(images.files.line) + ".");
  }
  found.left_out += (found.left_out.empty() ? "" : ", ") + text;
}

void pair_truth_by_patterns(std::vector<DatasetItem>& items, const Search& images, const Search& truth,
                            const fs::path& folder) {
  const Patterns image_patterns = patterns_of(images);
  const Patterns truth_patterns = patterns_of(truth);
  std::string missing;  // of the first image without
  for (auto& item : items) {
    auto image = match(image_patterns, item.name, /*with_ending=*/true);
    if (!image) image = match(image_patterns, item.name, /*with_ending=*/false);
    if (!image) continue;
    for (const std::string& name : truth_names(truth_patterns, image_patterns, *image)) {
      if (!is_there(folder / name)) {
        if (missing.empty()) missing = name;
        continue;
      }
      if (!item.truth.empty()) {
        throw InputError("Two ground-truth files for one image in " + folder.string(), item.truth_name + " and " + name,
                         "Remove one of them.");
      }
      item.truth_name = name;
      item.truth = folder / name;
    }
  }
  if (std::ranges::any_of(items, [](const DatasetItem& item) { return !item.truth.empty(); })) return;
  const std::string& first = items.front().name;
  throw InputError("No image has ground truth in " + folder.string(),
                   missing.empty() ? first + " and the others are named otherwise than " + text_of(images)
                                   : "there is no " + missing + " for " + first + ", and none for the others; " +
                                         what_is_there(folder / missing),
                   "Correct dataset.truth, or truth.files of " + truth.description.origin + ":" +
                       std::to_string(truth.files.line) + ".");
}

}  // namespace datus::io_detail
