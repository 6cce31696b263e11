// SPDX-License-Identifier: Apache-2.0
#include "config/yaml_source.hpp"

#include "datus/core/error.hpp"
#include "datus/core/regular_file.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

namespace datus {
namespace {

std::vector<YamlEntry> entries_of(const YAML::Node& map, const std::string& prefix, const YamlSource& source,
                                  int& merges);

/// What `<<: *a` or `<<: [*a, *b]` brings in: the entries of these maps, the first of equal names. `merges` counts
/// down, for a map may merge itself, and some lines of maps that merge each other twice would take for ever.
std::vector<YamlEntry> merged_entries(const YAML::Node& maps, const std::string& prefix, const YamlSource& source,
                                      const std::string& origin, int& merges) {
  std::vector<YAML::Node> nodes;
  if (maps.IsSequence()) {
    for (const auto& map : maps) nodes.push_back(map);
  } else {
    nodes.push_back(maps);
  }
  std::vector<YamlEntry> list;
  std::set<std::string> seen;
  for (const YAML::Node& node : nodes) {
    if (--merges < 0) {
      throw UsageError("Too many maps are merged by <<", origin + ": they merge others, or themselves",
                       "Merge maps that do not merge further ones.");
    }
    if (!node.IsMap()) throw UsageError("Nothing can be merged by <<", origin, "Write <<: *NAME, of a map &NAME.");
    for (YamlEntry& entry : entries_of(node, prefix, source, merges)) {
      if (seen.insert(entry.name).second) list.push_back(std::move(entry));
    }
  }
  return list;
}

std::vector<YamlEntry> entries_of(const YAML::Node& map, const std::string& prefix, const YamlSource& source,
                                  int& merges) {
  std::vector<YamlEntry> list;
  std::vector<YamlEntry> merged;
  std::set<std::string> seen;
  for (const auto& pair : map) {
    const std::string origin = source.position(pair.first.Mark());
    if (!pair.first.IsScalar()) {
      throw UsageError("A key is not a name", origin, "Write `section:` and, indented below it, `key: value`.");
    }
    const std::string& name = pair.first.Scalar();
    if (!seen.insert(name).second) {
      throw UsageError(prefix + name + " is there twice", origin, "Remove one of them.");
    }
    if (name == "<<") {
      merged = merged_entries(pair.second, prefix, source, origin, merges);
    } else {
      list.push_back({name, pair.second, origin});
    }
  }
  std::ranges::copy_if(merged, std::back_inserter(list),
                       [&](const YamlEntry& entry) { return !seen.contains(entry.name); });
  return list;
}

}  // namespace

std::optional<std::string> yaml_text(const std::filesystem::path& file, std::string& why) {
  constexpr std::int64_t most_bytes = std::int64_t{512} << 10;
  if (const auto opened = RegularFile::open(file, why); opened && opened->bytes() > most_bytes) {
    why = "it is larger than 512 KiB";
    return std::nullopt;
  }
  return text_of_file(file, why);
}

std::string yaml_file_content(const std::filesystem::path& file, const std::string& what) {
  std::string why;
  if (auto content = yaml_text(file, why)) return *std::move(content);
  throw UsageError("Cannot read " + what + " " + file.string(), why, "Give the path of a YAML file.");
}

YAML::Node parse_yaml(const std::string& text, const YamlSource& source) {
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    if (documents.size() > 1) {
      throw UsageError(source.name + " holds " + std::to_string(documents.size()) + " YAML documents",
                       "one was expected", "Remove the lines that are `---`.");
    }
    return documents.empty() ? YAML::Node() : documents.front();
  } catch (const YAML::Exception& error) {
    throw UsageError("This is not YAML: " + error.msg, source.position(error.mark),
                     "Correct the line; text with special characters needs quotes.");
  }
}

std::vector<YamlEntry> yaml_entries(const YAML::Node& map, const std::string& prefix, const YamlSource& source) {
  constexpr int most_merges = 100;
  int merges = most_merges;
  return entries_of(map, prefix, source, merges);
}

}  // namespace datus
