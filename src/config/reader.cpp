// SPDX-License-Identifier: Apache-2.0
#include "config/reader.hpp"

#include "config/yaml_source.hpp"
#include "datus/core/error.hpp"

#include <optional>
#include <string>

namespace datus {
namespace {

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

void read_section(const YamlEntry& section, const YamlSource& source, const RawValue& blank,
                  std::vector<Setting>& settings) {
  if (section.value.IsNull()) return;
  if (!section.value.IsMap()) {
    throw UsageError(section.name + " is a section, not a value", section.origin,
                     "Write `key: value` lines, indented below it.");
  }
  for (const YamlEntry& entry : yaml_entries(section.value, section.name + ".", source)) {
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

const Key& key_of(const std::string& full_name, const std::string& origin) {
  if (const Key* key = find_key(full_name)) return *key;
  const std::size_t dot = full_name.find('.');
  if (dot != std::string::npos) refuse_unknown_key(full_name.substr(0, dot), full_name.substr(dot + 1), origin);
  if (is_section(full_name)) {
    throw UsageError(full_name + " is a section, not a key", origin, "Write section.key=value for one key of it.");
  }
  refuse_unknown_key("", full_name, origin);
}

}  // namespace

std::vector<Setting> read_settings(const std::filesystem::path& file) {
  const YamlSource source{file.string()};
  const YAML::Node root = parse_yaml(yaml_file_content(file, "the configuration"), source);
  std::vector<Setting> settings;
  if (root.IsNull()) return settings;
  if (!root.IsMap()) {
    throw UsageError(source.name + " is no configuration", "its top level is not a map",
                     "Write sections such as `dataset:` with `key: value` lines, indented below them.");
  }
  const RawValue blank{{}, false, source.name, file.parent_path()};
  for (const YamlEntry& entry : yaml_entries(root, "", source)) {
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
  const Key& key = key_of(assignment.substr(0, equals), origin);
  const YAML::Node node = parse_yaml(assignment.substr(equals + 1), YamlSource{origin, false});
  return {&key, read_value(node, key, RawValue{{}, false, origin, {}})};
}

Setting read_entry(const YamlEntry& entry, const std::string& name, const std::filesystem::path& folder) {
  const Key& key = key_of(name, entry.origin);
  return {&key, read_value(entry.value, key, RawValue{{}, false, entry.origin, folder})};
}

}  // namespace datus
