// SPDX-License-Identifier: Apache-2.0
#include "config/dataset_reader.hpp"

#include "config/text.hpp"
#include "config/value_codec.hpp"
#include "datus/core/error.hpp"

#include <algorithm>
#include <utility>

namespace datus {

void refuse_entry(const YamlEntry& entry, const std::string& why, const std::string& what_to_do) {
  throw UsageError("Cannot use " + entry.name + " of " + entry.origin, why, what_to_do);
}

int integer_of(const YAML::Node& node, int low, int high, const YamlEntry& entry) {
  const auto number = node.IsScalar() ? parse_number<int>(node.Scalar()) : std::nullopt;
  if (number && *number >= low && *number <= high) return *number;
  refuse_entry(entry,
               (node.IsScalar() ? node.Scalar() : std::string("a list or a map")) + " is no integer from " +
                   std::to_string(low) + " to " + std::to_string(high),
               "Correct it.");
}

std::vector<int> integers_of(const YAML::Node& node, int low, int high, const YamlEntry& entry) {
  if (!node.IsSequence()) return {integer_of(node, low, high, entry)};
  std::vector<int> numbers;
  for (const auto& element : node) numbers.push_back(integer_of(element, low, high, entry));
  return numbers;
}

std::vector<std::string> texts_of(const YAML::Node& node, const YamlEntry& entry) {
  std::vector<std::string> texts;
  const auto add = [&](const YAML::Node& element) {
    if (!element.IsScalar() || element.Scalar().empty())
      refuse_entry(entry, "it is no text", "Write a text, or a list.");
    texts.push_back(element.Scalar());
  };
  if (node.IsSequence()) {
    for (const auto& element : node) add(element);
  } else {
    add(node);
  }
  return texts;
}

DatasetSection::DatasetSection(const YAML::Node& map, std::string name, const YamlSource& source)
    : name_(std::move(name)), source_(source), origin_(source.position(map.Mark())) {
  if (!map.IsMap()) throw UsageError(name_ + " is no map", origin_, "Write `key: value` lines, indented below it.");
  entries_ = yaml_entries(map, name_ + ".", source);
}

const YamlEntry* DatasetSection::take(std::string_view key) {
  known_.emplace_back(key);
  const auto found = std::ranges::find(entries_, key, &YamlEntry::name);
  return found == entries_.end() ? nullptr : &*found;
}

const YamlEntry& DatasetSection::require(std::string_view key) {
  const YamlEntry* entry = take(key);
  if (entry != nullptr) return *entry;
  throw UsageError(name_ + " has no key " + std::string(key), origin_, "Write it; docs/datasets.md has examples.");
}

std::vector<std::string> DatasetSection::texts(std::string_view key) {
  const YamlEntry* entry = take(key);
  return entry == nullptr ? std::vector<std::string>() : texts_of(entry->value, *entry);
}

std::string DatasetSection::text(std::string_view key) {
  const auto list = texts(key);
  if (list.size() > 1) refuse_entry(*take(key), "it is a list", "Write one text.");
  return list.empty() ? std::string() : list.front();
}

bool DatasetSection::flag(std::string_view key) {
  const YamlEntry* entry = take(key);
  if (entry == nullptr) return false;
  const std::string word = entry->value.IsScalar() ? entry->value.Scalar() : "";
  if (word != "true" && word != "false") refuse_entry(*entry, "it is neither true nor false", "Write one of these.");
  return word == "true";
}

void DatasetSection::finish() const {
  for (const YamlEntry& entry : entries_) {
    if (std::ranges::find(known_, entry.name) != known_.end()) continue;
    throw UsageError(entry.name + " is no key of " + name_, entry.origin, "It has " + joined(known_, ", ") + ".");
  }
}

std::vector<std::array<std::uint8_t, 3>> colours_of(const YAML::Node& node, const YamlEntry& entry) {
  if (!node.IsSequence() || node.size() == 0) refuse_entry(entry, "it is no list", "Write [[red, green, blue], …].");
  std::vector<std::array<std::uint8_t, 3>> colours;
  for (const auto& element : node) {
    const auto parts = integers_of(element, 0, 255, entry);
    if (parts.size() != 3)
      refuse_entry(entry, "a colour has " + std::to_string(parts.size()) + " parts", "Write [red, green, blue].");
    colours.push_back({static_cast<std::uint8_t>(parts[0]), static_cast<std::uint8_t>(parts[1]),
                       static_cast<std::uint8_t>(parts[2])});
  }
  return colours;
}

}  // namespace datus
