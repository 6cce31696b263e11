// SPDX-License-Identifier: Apache-2.0
#include "config/dataset_labels.hpp"
#include "config/dataset_patterns.hpp"
#include "config/dataset_reader.hpp"
#include "datus/config/dataset_descriptions.hpp"
#include "datus/core/error.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

namespace datus {
namespace {

using Description = DatasetDescription;

/// Relative, and not out of the root.
void require_inside(const std::string& path, const YamlEntry& entry) {
  const std::filesystem::path normal = std::filesystem::path(path).lexically_normal();
  if (normal.is_absolute() || *normal.begin() == "..") {
    refuse_entry(entry, path + " leads out of the data set", "Give a path below its root.");
  }
}

Description::Files read_files(const YamlEntry& entry, DatasetSection& section) {
  Description::Files files;
  files.line = entry.value.Mark().line + 1;
  if (const YamlEntry* patterns = section.take("files")) {
    for (const char* key : {"folder", "endings", "suffix", "flat"}) {
      if (const YamlEntry* other = section.take(key))
        refuse_entry(*other, "files says it already", "Remove one of them.");
    }
    for (const std::string& path : texts_of(patterns->value, *patterns)) require_inside(path, *patterns);
    read_patterns(files, *patterns);
    return files;
  }
  const YamlEntry& folder = section.require("folder");
  files.folders = texts_of(folder.value, folder);
  for (const std::string& path : files.folders) require_inside(path, folder);
  files.endings = section.texts("endings");
  for (std::string& ending : files.endings) {
    std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return std::tolower(c); });
    if (ending.size() < 2 || !ending.starts_with('.'))
      refuse_entry(*section.take("endings"), ending + " is no ending", "Write one such as .png.");
  }
  files.suffix = section.text("suffix");
  files.is_flat = section.flag("flat");
  return files;
}

void read_colours(Description& description, DatasetSection& truth) {
  const YamlEntry& colours = truth.require("colours");
  description.colours = colours_of(colours.value, colours);
  for (auto colour = description.colours.begin(); colour != description.colours.end(); ++colour) {
    if (std::find(description.colours.begin(), colour, *colour) == colour) continue;
    refuse_entry(colours, "colour " + std::to_string(colour - description.colours.begin()) + " is there twice",
                 "Remove one of them.");
  }
  if (const YamlEntry* within = truth.take("within"))
    description.colours_within = integer_of(within->value, 0, 255, *within);
}

/// A class has the colour of its first value in the files, unless the label map says another one.
void give_colours(Description::LabelMap& map, const std::vector<Description::Colour>& of_values) {
  if (!map.colours.empty() || of_values.empty()) return;
  for (std::size_t label = 0; label < map.classes.size(); ++label) {
    const auto value = std::ranges::find(map.labels, static_cast<std::int32_t>(label)) - map.labels.begin();
    if (value >= std::ssize(of_values)) return map.colours.clear();
    map.colours.push_back(of_values[static_cast<std::size_t>(value)]);
  }
}

void read_truth(Description& description, const YamlEntry& entry, const YamlSource& source) {
  DatasetSection truth(entry.value, "truth", source);
  description.truth = read_files(entry, truth);
  const std::string kind = truth.text("kind");
  if (kind == "colours") {
    description.storage = Description::Storage::colours;
    read_colours(description, truth);
  } else if (kind == "coco_panoptic") {
    description.storage = Description::Storage::coco_panoptic;
  } else if (!kind.empty() && kind != "index") {
    refuse_entry(*truth.take("kind"), "there is no kind " + kind, "It is index, colours or coco_panoptic.");
  }
  for (const char* key : {"colours", "within"}) {
    const YamlEntry* of_colours = truth.take(key);
    if (of_colours == nullptr || description.storage == Description::Storage::colours) continue;
    refuse_entry(*of_colours, "the ground truth is none of colours", "Write kind: colours as well, or remove it.");
  }
  if (description.images.patterns.empty() != description.truth.patterns.empty())
    refuse_entry(entry, "images and truth say in different ways which files they are",
                 "Write files in both, or in none.");
  if (const YamlEntry* patterns = truth.take("files")) {
    if (description.storage == Description::Storage::coco_panoptic)
      refuse_entry(*patterns, "coco_panoptic has a folder with a JSON file beside it", "Write folder.");
    require_pairing_patterns(description, *patterns);
  } else if (description.truth.endings.empty()) {
    description.truth.endings = {".png"};
  } else if (description.storage != Description::Storage::colours &&
             description.truth.endings != std::vector<std::string>{".png"}) {
    refuse_entry(*truth.take("endings"), "an index is stored in PNG files alone", "Remove it, or use kind: colours.");
  }
  description.truth_is_optional = truth.flag("optional");
  if (const YamlEntry* values = truth.take("void")) {
    description.void_values =
        values->value.IsNull() ? std::vector<int>() : integers_of(values->value, 0, 65535, *values);
    for (auto& map : description.label_maps) make_void(map, *description.void_values, *values);
  }
  truth.finish();
}

void read_splits(Description& description, const YamlEntry& entry, const YamlSource& source) {
  if (entry.value.IsMap()) {
    for (const YamlEntry& split : yaml_entries(entry.value, "splits.", source)) {
      const auto folder = texts_of(split.value, split);
      description.splits.push_back({split.name, folder.front()});
    }
    return;
  }
  for (const std::string& name : texts_of(entry.value, entry)) description.splits.push_back({name, name});
}

}  // namespace

std::shared_ptr<const DatasetDescription> parse_dataset(const DatasetText& text) {
  const YamlSource source{text.origin};
  const YAML::Node root = parse_yaml(text.text, source);
  if (!root.IsMap()) {
    throw UsageError(text.origin + " describes no data set", "its top level is not a map",
                     "Write about, images and truth; docs/datasets.md has examples.");
  }
  DatasetSection top(root, "the description", source);
  auto description = std::make_shared<Description>();
  description->origin = text.origin;
  description->content = Hasher().add(text.text).finish();
  description->about = top.text("about");
  const YamlEntry& images = top.require("images");
  DatasetSection of_images(images.value, "images", source);
  description->images = read_files(images, of_images);
  of_images.finish();
  if (const YamlEntry* splits = top.take("splits")) read_splits(*description, *splits, source);
  if (const YamlEntry* list = top.take("list")) {
    description->list = top.text("list");
    require_inside(description->list, *list);
  }
  description->lists_stems = top.flag("lists_stems");
  if (const YamlEntry* maps = top.take("label_maps")) {
    if (!maps->value.IsMap())
      refuse_entry(*maps, "it is no map", "Write `name: {classes: [...]}` lines, indented below it.");
    for (const YamlEntry& map : yaml_entries(maps->value, "label_maps.", source)) {
      description->label_maps.push_back(read_dataset_labels(map, source));
    }
  }
  read_truth(*description, top.require("truth"), source);
  for (auto& map : description->label_maps) give_colours(map, description->colours);
  top.finish();
  return description;
}

}  // namespace datus
