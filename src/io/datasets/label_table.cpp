// SPDX-License-Identifier: Apache-2.0
#include "io/datasets/label_table.hpp"

#include "datus/core/error.hpp"
#include "datus/core/utf8.hpp"
#include "io/datasets/list_file.hpp"
#include "io/disk/file_bytes.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

namespace datus::io_detail {
namespace {

using nlohmann::json;
using LabelMapping = DatasetDescription::LabelMap;

constexpr auto map_format = "Write an array with the class of each value, or an object {\"value\": class}; -1 is void.";
constexpr auto names_format =
    "Write one name per line, a JSON array of names, or a JSON object with one as \"classes\".";

[[noreturn]] void throw_malformed(const std::filesystem::path& path, const std::string& why, const char* format) {
  throw InputError("Cannot use " + path.string(), why, format);
}

/// Whether the brackets of a JSON text lie deeper in each other than in any file of this kind: the JSON library takes
/// stack for each level.
bool is_too_deep(const std::vector<std::uint8_t>& bytes) {
  constexpr int deepest = 16;
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::uint8_t byte = bytes[i];
    if (in_string && byte == '\\') {
      ++i;
    } else if (byte == '"') {
      in_string = !in_string;
    } else if (!in_string && (byte == '[' || byte == '{')) {
      if (++depth > deepest) return true;
    } else if (!in_string && (byte == ']' || byte == '}')) {
      --depth;
    }
  }
  return false;
}

/// A JSON file of moderate size: in memory each value takes many times its text.
json read_json(const std::filesystem::path& path, const char* format) {
  constexpr std::int64_t most_bytes = std::int64_t{8} << 20;
  const auto bytes = read_file_bytes(path, most_bytes + 1);
  if (std::ssize(bytes) > most_bytes) throw_malformed(path, "it is larger than 8 MiB", format);
  if (is_too_deep(bytes)) throw_malformed(path, "it is nested too deeply", format);
  try {
    return json::parse(bytes.begin(), bytes.end());
  } catch (const json::exception& error) {
    throw_malformed(path, error.what(), format);
  }
}

/// A value for a message.
std::string shown(const json& value) {
  constexpr std::size_t longest = 60;
  const std::string text = value.dump();
  return text.size() > longest ? text.substr(0, longest) + "..." : text;
}

/// An integer from `low` to `high`, or nothing.
std::optional<std::int64_t> as_integer(const json& value, std::int64_t low, std::int64_t high) {
  // An unsigned number above the largest signed one would wrap.
  if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<std::uint64_t>() > INT32_MAX)) {
    return {};
  }
  const auto number = value.get<std::int64_t>();
  return number >= low && number <= high ? std::optional(number) : std::nullopt;
}

std::optional<std::int64_t> as_integer(const std::string& text, std::int64_t low, std::int64_t high) {
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size()) return {};
  if (number < low || number > high) return {};
  return number;
}

std::int32_t class_in(const std::filesystem::path& path, const std::string& key, const json& value) {
  const auto label = as_integer(value, no_label, LabelTable::values - 1);
  if (!label) {
    const std::string why = "value " + key + " has the class " + shown(value);
    throw_malformed(path, why + ", which is no integer from -1 to 65535", map_format);
  }
  return static_cast<std::int32_t>(*label);
}

LabelTable read_label_map(const std::filesystem::path& path) {
  json map = read_json(path, map_format);
  if (map.is_object() && map.contains("fine_to_coarse")) map = json(map["fine_to_coarse"]);
  LabelTable table;
  if (map.is_array()) {
    if (map.empty() || static_cast<std::int64_t>(map.size()) > LabelTable::values) {
      throw_malformed(path, "the array has " + std::to_string(map.size()) + " entries, not 1 to 65536", map_format);
    }
    for (std::size_t i = 0; i < map.size(); ++i) {
      table.set(static_cast<std::int64_t>(i), class_in(path, std::to_string(i), map[i]));
    }
  } else if (map.is_object()) {
    for (const auto& [key, label] : map.items()) {
      const auto value = as_integer(key, 0, LabelTable::values - 1);
      if (!value) {
        throw_malformed(path, "the key \"" + key + "\" is no integer from 0 to 65535", map_format);
      }
      table.set(*value, class_in(path, key, label));
    }
    table.make_rest_void();
  } else {
    throw_malformed(path, "it holds neither an array nor an object", map_format);
  }
  if (table.class_count() == 0) throw_malformed(path, "no value has a class", map_format);
  return table;
}

std::vector<std::string> numbered(std::int64_t count) {
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
  return names;
}

/// By its name, or by its first character.
bool is_json(const std::filesystem::path& path, const std::vector<std::uint8_t>& bytes) {
  constexpr std::string_view blanks = " \t\r\n\xef\xbb\xbf";
  const auto first = std::ranges::find_if(
      bytes, [&](std::uint8_t byte) { return blanks.find(static_cast<char>(byte)) == std::string_view::npos; });
  return path.extension() == ".json" || (first != bytes.end() && (*first == '[' || *first == '{'));
}

/// One name per line.
std::vector<std::string> listed_classes(const std::filesystem::path& path) {
  std::vector<std::string> names;
  visit_text_lines(path, [&](std::int64_t number, std::string_view line) {
    const std::string_view name = trimmed(line);
    if (name.find('\t') != std::string_view::npos) {
      throw_malformed(path, "line " + std::to_string(number) + " has several columns", names_format);
    }
    if (!is_utf8(name)) throw_malformed(path, "line " + std::to_string(number) + " is not UTF-8", names_format);
    if (std::ssize(names) == LabelTable::values) throw_malformed(path, "it has more than 65536 lines", names_format);
    names.emplace_back(name);
  });
  if (names.empty()) throw_malformed(path, "it has no name", names_format);
  return names;
}

std::vector<std::string> read_classes(const std::filesystem::path& path) {
  const auto count = as_integer(path.string(), 1, LabelTable::values - 1);
  if (count) return numbered(*count);
  constexpr std::int64_t first_bytes = 1 << 16;
  if (!is_json(path, read_file_bytes(path, first_bytes))) return listed_classes(path);
  json names = read_json(path, names_format);
  if (names.is_object() && names.contains("classes")) names = json(names["classes"]);
  if (!names.is_array() || names.empty()) {
    throw_malformed(path, "it holds no array of class names", names_format);
  }
  std::vector<std::string> classes;
  for (const auto& name : names) {
    if (!name.is_string()) {
      throw_malformed(path, "class name " + shown(name) + " is not a string", names_format);
    }
    classes.push_back(name.get<std::string>());
  }
  return classes;
}

/// The built-in map that `path` means: the first when it is not given, the one that its last part names when there is
/// no such file (the configuration has made it absolute, as it does all paths). Null for a file of its own.
const LabelMapping* find_built_in(const std::optional<std::filesystem::path>& path,
                                  const std::vector<LabelMapping>& built_in) {
  std::error_code unknown;
  if (!path) return built_in.empty() ? nullptr : &built_in.front();
  if (std::filesystem::exists(*path, unknown)) return nullptr;
  if (built_in.empty()) {
    if (path->has_parent_path()) return nullptr;
    throw InputError(
        "There is no label map " + path->string(),
        "no such file is here, and maps with a name belong to described data sets",
        "Set dataset.kind to the data set that has it ('datus datasets'): its images may be a list too, or "
        "a folder of your own. Or give a JSON file.");
  }
  std::string names;
  for (const auto& map : built_in) {
    if (path->filename() == map.name) return &map;
    names.append(names.empty() ? "" : ", ").append(map.name);
  }
  throw InputError("Cannot read label map " + path->string(),
                   "there is no such file, and the label maps of this data set are " + names,
                   "Choose one of these, or correct the path.");
}

/// Reconciles the classes of a label map with the names that the user gives for them.
void name_classes(Labelling& labelling, const std::filesystem::path& names_path, const std::string& map_name) {
  labelling.classes = read_classes(names_path);
  const auto count = static_cast<std::int64_t>(labelling.classes.size());
  if (labelling.table.class_count() > count) {
    throw InputError("The label map " + map_name + " does not fit dataset.classes",
                     "it uses class " + std::to_string(labelling.table.class_count() - 1) + ", but " +
                         names_path.string() + " has " + std::to_string(count) + " classes",
                     "Name every class, or correct the map.");
  }
}

void make_void(Labelling& labelling, int value, const std::optional<std::filesystem::path>& label_map) {
  if (value < 0 || value >= LabelTable::values) {
    throw UsageError("dataset.void is out of range", std::to_string(value) + " is not a value from 0 to 65535",
                     "Give the value of void pixels, or null if there are none.");
  }
  const std::int32_t label = labelling.table[static_cast<std::uint16_t>(value)];
  if (!label_map || label < 0) return labelling.table.set(value, no_label);
  labelling.note += std::string(labelling.note.empty() ? "" : "; ") + "dataset.void has no effect: to " +
                    label_map->string() + " its value " + std::to_string(value) + " is class " + std::to_string(label);
}

}  // namespace

LabelTable::LabelTable() : labels_(std::make_unique<std::array<std::int32_t, values>>()) {
  labels_->fill(outside);
}

LabelTable::LabelTable(const std::vector<std::int32_t>& labels) : LabelTable() {
  std::copy(labels.begin(), labels.end(), labels_->begin());
}

LabelTable LabelTable::identity() {
  LabelTable table;
  for (std::int64_t value = 0; value < values; ++value) table.set(value, static_cast<std::int32_t>(value));
  return table;
}

void LabelTable::make_rest_void() {
  std::replace(labels_->begin(), labels_->end(), outside, no_label);
}

void LabelTable::limit(std::int64_t classes) {
  std::replace_if(
      labels_->begin(), labels_->end(), [&](std::int32_t label) { return label >= classes; }, outside);
}

std::int64_t LabelTable::class_count(std::int64_t count) const {
  return std::max<std::int64_t>(0, std::int64_t{*std::max_element(labels_->begin(), labels_->begin() + count)} + 1);
}

bool LabelTable::keeps_bytes() const {
  constexpr std::int32_t no_byte = 255;
  for (std::int32_t value = 0; value < no_byte; ++value) {
    if ((*labels_)[static_cast<std::size_t>(value)] != value) return false;
  }
  return (*labels_)[no_byte] == no_label;
}

Labelling make_labelling(const DatasetOptions& options, const std::vector<LabelMapping>& built_in,
                         const std::vector<int>& void_values) {
  Labelling labelling;
  if (const LabelMapping* chosen = find_built_in(options.label_map, built_in)) {
    labelling = {LabelTable(chosen->labels), chosen->classes, chosen->colours};
    if (options.classes) name_classes(labelling, *options.classes, chosen->name);
  } else if (options.label_map) {
    labelling.table = read_label_map(*options.label_map);
    labelling.classes = numbered(labelling.table.class_count());
    if (options.classes) name_classes(labelling, *options.classes, options.label_map->string());
  } else {
    labelling.table = LabelTable::identity();
    if (options.classes) {
      labelling.classes = read_classes(*options.classes);
      labelling.table.limit(static_cast<std::int64_t>(labelling.classes.size()));
    }
  }
  for (const int value : void_values) make_void(labelling, value, options.label_map);
  return labelling;
}

}  // namespace datus::io_detail
