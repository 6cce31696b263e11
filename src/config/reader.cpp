#include "config/reader.hpp"

#include "datus/core/error.hpp"
#include "datus/core/regular_file.hpp"
#include "datus/core/text.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <system_error>

#include <yaml-cpp/yaml.h>

namespace datus {
namespace {

/// Text to parse, and where it is from: a file, in which places have a line, or an assignment.
struct Source {
  std::string name;
  bool has_lines = true;

  /// `FILE:LINE`; the library counts lines from 0.
  [[nodiscard]] std::string position(const YAML::Mark& mark) const {
    return has_lines && !mark.is_null() ? name + ":" + std::to_string(mark.line + 1) : name;
  }
};

std::string file_content(const std::filesystem::path& file) {
  std::string why;
  const auto open = RegularFile::open(file, why);
  auto content = open ? text_of_file(file) : std::nullopt;
  if (content) return *std::move(content);
  throw UsageError("Cannot read the configuration " + file.string(), why.empty() ? "reading failed" : why,
                   "Give the path of a YAML file.");
}

/// The one document in `text`.
YAML::Node parse_yaml(const std::string& text, const Source& source) {
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

/// Nothing for a map.
std::optional<RawValue::Item> read_item(const YAML::Node& node) {
  if (node.IsNull()) return RawValue::Item{"null", false};
  if (!node.IsScalar()) return std::nullopt;
  // The library tags a plain scalar with "?".
  return RawValue::Item{node.Scalar(), node.Tag() != "?"};
}

RawValue read_value(const YAML::Node& node, const Key& key, RawValue value) {
  const auto add = [&](const YAML::Node& element) {
    const auto item = read_item(element);
    if (!item) {
      throw UsageError(key.full_name() + " has the wrong form", value.origin + ": a map, or a list of lists",
                       "Allowed: " + key.allowed + ".");
    }
    value.items.push_back(*item);
  };
  value.is_list = node.IsSequence();
  if (value.is_list) {
    for (const auto& element : node) add(element);
  } else {
    add(node);
  }
  return value;
}

/// An entry of a map, and where it was written.
struct Entry {
  std::string name;
  YAML::Node value;
  std::string origin;
};

std::vector<Entry> entries(const YAML::Node& map, const std::string& prefix, const Source& source);

/// What `<<: *a` or `<<: [*a, *b]` brings in: the entries of these maps, the first of equal names.
std::vector<Entry> merged_entries(const YAML::Node& maps, const std::string& prefix, const Source& source,
                                  const std::string& origin) {
  std::vector<YAML::Node> nodes;
  if (maps.IsSequence()) {
    for (const auto& map : maps) nodes.push_back(map);
  } else {
    nodes.push_back(maps);
  }
  std::vector<Entry> list;
  for (const YAML::Node& node : nodes) {
    if (!node.IsMap()) throw UsageError("Nothing can be merged by <<", origin, "Write <<: *NAME, of a map &NAME.");
    for (Entry& entry : entries(node, prefix, source)) {
      if (std::ranges::find(list, entry.name, &Entry::name) == list.end()) list.push_back(std::move(entry));
    }
  }
  return list;
}

/// The entries of a map, with those that merge keys bring in, unless the map has them itself. Throws for a name that is
/// no text, or is there twice.
std::vector<Entry> entries(const YAML::Node& map, const std::string& prefix, const Source& source) {
  std::vector<Entry> list;
  std::vector<Entry> merged;
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
                       [&](const Entry& entry) { return !seen.contains(entry.name); });
  return list;
}

void read_section(const Entry& section, const Source& source, const RawValue& blank, std::vector<Setting>& settings) {
  if (section.value.IsNull()) return;
  if (!section.value.IsMap()) {
    throw UsageError(section.name + " is a section, not a value", section.origin,
                     "Write `key: value` lines, indented below it.");
  }
  for (const Entry& entry : entries(section.value, section.name + ".", source)) {
    if (entry.value.IsNull() && entry.name.find_first_not_of("0123456789") == std::string::npos) {
      throw UsageError(entry.name + " is no key of " + section.name, entry.origin,
                       "In braces a list needs brackets: key: [20, 27].");
    }
    const Key* key = find_key(section.name + "." + entry.name);
    if (key == nullptr) refuse_unknown_key(section.name, entry.name, entry.origin);
    RawValue value = blank;
    value.origin = entry.origin;
    settings.push_back({key, read_value(entry.value, *key, value)});
  }
}

bool is_section(const std::string& name) {
  for (const Section& section : sections()) {
    if (section.name == name) return true;
  }
  return false;
}

}  // namespace

std::vector<Setting> read_settings(const std::filesystem::path& file) {
  const Source source{file.string()};
  const YAML::Node root = parse_yaml(file_content(file), source);
  std::vector<Setting> settings;
  if (root.IsNull()) return settings;
  if (!root.IsMap()) {
    throw UsageError(source.name + " is no configuration", "its top level is not a map",
                     "Write sections such as `dataset:` with `key: value` lines, indented below them.");
  }
  const RawValue blank{{}, false, source.name, file.parent_path()};
  for (const Entry& entry : entries(root, "", source)) {
    if (is_section(entry.name)) {
      read_section(entry, source, blank, settings);
      continue;
    }
    const Key* key = find_key(entry.name);
    if (key == nullptr || !key->section.empty()) refuse_unknown_key("", entry.name, entry.origin);
    RawValue value = blank;
    value.origin = entry.origin;
    settings.push_back({key, read_value(entry.value, *key, value)});
  }
  return settings;
}

Setting read_assignment(const std::string& assignment, std::string_view source) {
  const std::string origin = std::string(source) + " " + assignment;
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw UsageError(origin + " sets nothing", "there is no key and `=` in it", "Write section.key=value.");
  }
  const std::string full_name = assignment.substr(0, equals);
  const Key* key = find_key(full_name);
  if (key == nullptr) {
    const std::size_t dot = full_name.find('.');
    if (dot != std::string::npos) refuse_unknown_key(full_name.substr(0, dot), full_name.substr(dot + 1), origin);
    if (is_section(full_name)) {
      throw UsageError(full_name + " is a section, not a key", origin, "Write section.key=value for one key of it.");
    }
    refuse_unknown_key("", full_name, origin);
  }
  const YAML::Node node = parse_yaml(assignment.substr(equals + 1), Source{origin, false});
  return {key, read_value(node, *key, RawValue{{}, false, origin, {}})};
}

}  // namespace datus
