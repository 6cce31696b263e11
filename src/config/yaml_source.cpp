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

/// What `<<: *a` or `<<: [*a, *b]` brings in: the entries of these maps, the first of equal names.
std::vector<YamlEntry> merged_entries(const YAML::Node& maps, const std::string& prefix, const YamlSource& source,
                                      const std::string& origin) {
  std::vector<YAML::Node> nodes;
  if (maps.IsSequence()) {
    for (const auto& map : maps) nodes.push_back(map);
  } else {
    nodes.push_back(maps);
  }
  std::vector<YamlEntry> list;
  for (const YAML::Node& node : nodes) {
    if (!node.IsMap()) throw UsageError("Nothing can be merged by <<", origin, "Write <<: *NAME, of a map &NAME.");
    for (YamlEntry& entry : yaml_entries(node, prefix, source)) {
      if (std::ranges::find(list, entry.name, &YamlEntry::name) == list.end()) list.push_back(std::move(entry));
    }
  }
  return list;
}

}  // namespace

std::string yaml_file_content(const std::filesystem::path& file, const std::string& what) {
  std::string why;
  if (auto content = text_of_file(file, why)) return *std::move(content);
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
      merged = merged_entries(pair.second, prefix, source, origin);
    } else {
      list.push_back({name, pair.second, origin});
    }
  }
  std::ranges::copy_if(merged, std::back_inserter(list),
                       [&](const YamlEntry& entry) { return !seen.contains(entry.name); });
  return list;
}

}  // namespace datus
