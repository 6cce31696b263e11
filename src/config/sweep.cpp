// SPDX-License-Identifier: Apache-2.0
#include "datus/config/sweep.hpp"

#include "config/reader.hpp"
#include "config/yaml_source.hpp"
#include "datus/core/error.hpp"

#include <algorithm>
#include <utility>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// One value of something that varies: settings, and how they are called in names.
struct Choice {
  std::string name;
  std::vector<Setting> settings;
};

/// What varies, the fastest last.
using Axes = std::vector<std::vector<Choice>>;

[[noreturn]] void refuse(const YamlEntry& entry, const std::string& why, const std::string& what_to_do) {
  throw UsageError(entry.name + " cannot be used in a sweep", entry.origin + ": " + why, what_to_do);
}

/// For a file's name.
std::string plain(std::string text) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
  };
  std::ranges::replace_if(
      text, [&](char c) { return !is_plain(c); }, '-');
  return text;
}

std::string scalar_of(const YAML::Node& node, const YamlEntry& entry) {
  if (!node.IsScalar()) refuse(entry, "it holds more than single values", "Write a list such as [a, b].");
  return node.Scalar();
}

/// A list, whose elements may be lists themselves.
std::vector<YamlEntry> elements(const YamlEntry& entry) {
  if (!entry.value.IsSequence() || entry.value.size() == 0) refuse(entry, "it is no list", "Write a list, [a, b].");
  std::vector<YamlEntry> list;
  for (const auto& element : entry.value) list.push_back({entry.name, element, entry.origin});
  return list;
}

/// The values of one key; `name_of` names each of them.
template <class NameOf>
std::vector<Choice> choices_of(const YamlEntry& entry, const std::string& key, const fs::path& folder,
                               const NameOf& name_of) {
  std::vector<Choice> choices;
  for (const YamlEntry& element : elements(entry)) {
    choices.push_back({plain(name_of(element)), {read_entry(element, key, folder)}});
  }
  return choices;
}

std::string text_of(const YamlEntry& element) {
  if (element.value.IsScalar()) return element.value.Scalar();
  std::string text;
  for (const auto& part : element.value) text += (text.empty() ? "" : "-") + scalar_of(part, element);
  return text;
}

/// `datasets: {NAME: {kind: …, images: …}}`.
std::vector<Choice> datasets_of(const YamlEntry& entry, const YamlSource& source, const fs::path& folder) {
  if (!entry.value.IsMap() || entry.value.size() == 0) {
    refuse(entry, "it is no map", "Write `datasets: {NAME: {kind: folder, images: DIR}}`.");
  }
  std::vector<Choice> choices;
  for (const YamlEntry& dataset : yaml_entries(entry.value, "datasets.", source)) {
    Choice choice{plain(dataset.name), {}};
    if (!dataset.value.IsMap()) refuse(dataset, "it is no map", "Write the keys of a dataset section below it.");
    for (const YamlEntry& key : yaml_entries(dataset.value, "datasets." + dataset.name + ".", source)) {
      choice.settings.push_back(read_entry(key, "dataset." + key.name, folder));
    }
    choices.push_back(std::move(choice));
  }
  return choices;
}

/// `vary: {section.key: [VALUE, …]}`.
Axes varied(const YamlEntry& entry, const YamlSource& source, const fs::path& folder) {
  if (!entry.value.IsMap()) refuse(entry, "it is no map", "Write `vary: {section.key: [VALUE, …]}`.");
  Axes axes;
  for (const YamlEntry& key : yaml_entries(entry.value, "vary.", source)) {
    const std::string name = key.name.substr(key.name.find('.') + 1);
    axes.push_back(
        choices_of(key, key.name, folder, [&](const YamlEntry& element) { return name + "-" + text_of(element); }));
  }
  return axes;
}

/// Each combination, in the order of counting.
std::vector<std::vector<const Choice*>> combinations(const Axes& axes) {
  std::vector<std::vector<const Choice*>> all = {{}};
  for (const auto& axis : axes) {
    std::vector<std::vector<const Choice*>> longer;
    for (const auto& begun : all) {
      for (const Choice& choice : axis) {
        longer.push_back(begun);
        longer.back().push_back(&choice);
      }
    }
    all = std::move(longer);
  }
  return all;
}

struct SweepFile {
  std::vector<Setting> base;
  fs::path folder;
  Axes axes;
};

SweepFile read_file(const fs::path& file) {
  const YamlSource source{file.string()};
  const YAML::Node root = parse_yaml(yaml_file_content(file, "the sweep"), source);
  if (!root.IsMap()) {
    throw UsageError(source.name + " is no sweep", "its top level is not a map", "docs/sweeps.md has examples.");
  }
  const fs::path folder = file.parent_path();
  SweepFile sweep{{}, fs::path("runs") / file.stem(), {}};
  std::vector<Choice> datasets;
  std::vector<Choice> weights;
  std::vector<Choice> seeds;
  Axes others;
  for (const YamlEntry& entry : yaml_entries(root, "", source)) {
    if (entry.name == "base") {
      sweep.base = read_settings(folder / scalar_of(entry.value, entry));
    } else if (entry.name == "directory") {
      sweep.folder = scalar_of(entry.value, entry);
    } else if (entry.name == "datasets") {
      datasets = datasets_of(entry, source, folder);
    } else if (entry.name == "weights") {
      weights = choices_of(entry, "model.weights", folder, [](const YamlEntry& element) {
        return fs::path(scalar_of(element.value, element)).stem().string();
      });
    } else if (entry.name == "seeds") {
      seeds = choices_of(entry, "run.seed", folder,
                         [](const YamlEntry& element) { return "seed" + scalar_of(element.value, element); });
    } else if (entry.name == "vary") {
      others = varied(entry, source, folder);
    } else {
      refuse(entry, "there is no such key", "Keys are base, directory, datasets, weights, vary and seeds.");
    }
  }
  for (auto* axis : {&datasets, &weights}) {
    if (!axis->empty()) sweep.axes.push_back(std::move(*axis));
  }
  sweep.axes.insert(sweep.axes.end(), others.begin(), others.end());
  if (!seeds.empty()) sweep.axes.push_back(std::move(seeds));
  return sweep;
}

}  // namespace

Sweep load_sweep(const fs::path& file) {
  const SweepFile read = read_file(file);
  Sweep sweep{read.folder, {}};
  for (const auto& combination : combinations(read.axes)) {
    std::vector<Setting> settings = read.base;
    std::string name;
    for (const Choice* choice : combination) {
      settings.insert(settings.end(), choice->settings.begin(), choice->settings.end());
      name += (name.empty() ? "" : "_") + choice->name;
    }
    if (name.empty()) name = "run";
    if (std::ranges::find(sweep.cells, name, &SweepCell::name) != sweep.cells.end()) {
      throw UsageError("Two runs of the sweep have the name " + name,
                       file.string() + ": values that differ only in signs",
                       "Take a value out, or give data sets other names.");
    }
    SweepCell cell{name, resolved_file({}, settings, read.base.size())};
    cell.config.run.directory = read.folder / name;
    sweep.cells.push_back(std::move(cell));
  }
  return sweep;
}

}  // namespace datus
