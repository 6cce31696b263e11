// SPDX-License-Identifier: Apache-2.0
#include "config/dataset_labels.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace datus {
namespace {

using LabelMap = DatasetDescription::LabelMap;

constexpr int largest_value = 65535;

/// Makes `value` one of the class `label`.
void set(LabelMap& map, int value, std::int32_t label, const YamlEntry& entry) {
  const auto index = static_cast<std::size_t>(value);
  if (index >= map.labels.size()) map.labels.resize(index + 1, DatasetDescription::unknown);
  if (map.labels[index] != DatasetDescription::unknown) {
    refuse_entry(entry, "value " + std::to_string(value) + " has two classes", "Remove one of them.");
  }
  map.labels[index] = label;
}

/// `classes: {NAME: VALUE}` or `{NAME: [VALUE, …]}`: the classes in their order with their values.
void read_named_values(LabelMap& map, const YamlEntry& classes, const YamlSource& source) {
  for (const YamlEntry& entry : yaml_entries(classes.value, map.name + ".classes.", source)) {
    for (const int value : integers_of(entry.value, 0, largest_value, entry)) {
      set(map, value, static_cast<std::int32_t>(map.classes.size()), entry);
    }
    map.classes.push_back(entry.name);
  }
}

/// `classes: [NAME, …]` with the class of each value in `values`, or with one value each from `first` on.
void read_listed_classes(LabelMap& map, const YamlEntry& classes, DatasetSection& section) {
  map.classes = texts_of(classes.value, classes);
  const int count = static_cast<int>(map.classes.size());
  const YamlEntry* values = section.take("values");
  const YamlEntry* first = section.take("first");
  if (values != nullptr && first != nullptr) refuse_entry(*first, "values is there as well", "Remove one of them.");
  if (values != nullptr) {
    int value = 0;
    for (const int label : integers_of(values->value, -1, count - 1, *values)) set(map, value++, label, *values);
    return;
  }
  const int start = first == nullptr ? 0 : integer_of(first->value, 0, largest_value - count, *first);
  for (int label = 0; label < count; ++label) set(map, start + label, label, classes);
}

}  // namespace

LabelMap read_dataset_labels(const YamlEntry& entry, const YamlSource& source) {
  LabelMap map{.name = entry.name, .labels = {}, .classes = {}};
  DatasetSection section(entry.value, entry.name, source);
  const YamlEntry& classes = section.require("classes");
  if (classes.value.IsMap()) {
    read_named_values(map, classes, source);
  } else {
    read_listed_classes(map, classes, section);
  }
  if (map.classes.empty()) refuse_entry(classes, "it has no class", "Name the classes.");
  const std::string others = section.text("others");
  if (!others.empty() && others != "void")
    refuse_entry(*section.take("others"), others + " is not void", "Leave it out, or write void.");
  if (const YamlEntry* colours = section.take("colours")) {
    map.colours = colours_of(colours->value, *colours);
    if (map.colours.size() != map.classes.size()) {
      refuse_entry(*colours,
                   "there are " + std::to_string(map.colours.size()) + " colours for " +
                       std::to_string(map.classes.size()) + " classes",
                   "Give each class one, in their order.");
    }
  }
  section.finish();
  if (others == "void") {
    map.labels.resize(largest_value + 1, DatasetDescription::unknown);
    std::ranges::replace(map.labels, DatasetDescription::unknown, -1);
  }
  return map;
}

void make_void(LabelMap& map, const std::vector<int>& values, const YamlEntry& entry) {
  for (const int value : values) {
    const auto index = static_cast<std::size_t>(value);
    if (index >= map.labels.size()) map.labels.resize(index + 1, DatasetDescription::unknown);
    if (map.labels[index] >= 0) {
      refuse_entry(entry,
                   "value " + std::to_string(value) + " is class " +
                       map.classes[static_cast<std::size_t>(map.labels[index])] + " of " + map.name,
                   "Remove one of them.");
    }
    map.labels[index] = -1;
  }
}

}  // namespace datus
