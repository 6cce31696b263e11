// SPDX-License-Identifier: Apache-2.0
#include "config/dataset_patterns.hpp"

#include "datus/core/error.hpp"
#include "datus/core/glob.hpp"
#include "datus/core/names.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace datus {
namespace {

/// The same with a word where the name of the split stands, whose braces are no alternatives.
std::string with_some_split(std::string text) {
  constexpr std::string_view mark = "{split}";
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark)) {
    text.replace(at, mark.size(), "split");
  }
  return text;
}

std::vector<Glob> globs_of(const std::string& pattern, const YamlEntry& entry) {
  std::vector<Glob> globs;
  try {
    for (std::string& one : Glob::alternatives(with_some_split(pattern))) globs.emplace_back(std::move(one));
  } catch (const UsageError& error) {
    refuse_entry(entry, error.what(), "");
  }
  return globs;
}

/// The folders at the begin of a pattern that are the same for all paths, each with its slash.
std::string fixed_folders(const std::string& pattern) {
  std::size_t end = 0;
  for (std::size_t slash = pattern.find('/'); slash != std::string::npos; slash = pattern.find('/', end)) {
    const std::string name = pattern.substr(end, slash - end);
    if (with_some_split(name).find_first_of("*?[{}") != std::string::npos) break;
    end = slash + 1;
  }
  return pattern.substr(0, end);
}

std::size_t wildcards_of_stem(const Glob& glob) {
  return glob.stem().wildcards();
}

}  // namespace

void read_patterns(DatasetDescription::Files& files, const YamlEntry& entry) {
  files.patterns = texts_of(entry.value, entry);
  std::string common = fixed_folders(files.patterns.front());
  for (const std::string& pattern : files.patterns) {
    (void)globs_of(pattern, entry);
    while (!pattern.starts_with(common)) common.erase(common.find_last_of('/', common.size() - 2) + 1);
  }
  for (std::string& pattern : files.patterns) pattern.erase(0, common.size());
  files.folders = {common.empty() ? "." : common.substr(0, common.size() - 1)};
}

void require_pairing_patterns(const DatasetDescription& description, const YamlEntry& entry) {
  const auto& images = description.images.patterns;
  const auto& truth = description.truth.patterns;
  constexpr std::array<std::string_view, 1> index_ending = {".png"};
  const bool is_index = description.storage == DatasetDescription::Storage::index;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    for (const Glob& glob : globs_of(truth[i], entry)) {
      if (wildcards_of_stem(glob) != glob.wildcards() || glob.stem().text() == glob.text())
        refuse_entry(entry, truth[i] + " does not say how its files end", "Write .png or .{png,bmp}, for example.");
      if (is_index && !has_extension(glob.text(), index_ending))
        refuse_entry(entry, "an index is stored in PNG files alone", "Write .png, or use kind: colours.");
      for (std::size_t j = 0; j < images.size(); ++j) {
        if (images.size() == truth.size() && i != j) continue;
        for (const Glob& image : globs_of(images[j], entry)) {
          if (wildcards_of_stem(image) == wildcards_of_stem(glob)) continue;
          refuse_entry(entry,
                       truth[i] + " has " + std::to_string(wildcards_of_stem(glob)) + " wildcards before its ending, " +
                           images[j] + " of the images " + std::to_string(wildcards_of_stem(image)),
                       "Write as many: what the one matches is put in the place of the other.");
        }
      }
    }
  }
}

}  // namespace datus
