// SPDX-License-Identifier: Apache-2.0
#include "config/dataset_type.hpp"

#include "config/value_codec.hpp"
#include "datus/config/dataset_descriptions.hpp"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace datus {
namespace {

bool is_plain(const std::string& name) {
  return std::ranges::find(plain_dataset_types, name, &PlainDatasetType::name) != plain_dataset_types.end();
}

std::optional<DatasetType> parse_type(const RawValue& value) {
  const auto source = parsed(name_or_path(), value);
  if (!source) return std::nullopt;
  const std::string name = source->string();
  if (is_plain(name)) return DatasetType(name);
  if (source->is_absolute()) return DatasetType(name, parse_dataset(read_dataset_text(*source)));
  const auto text = find_dataset_text(name);
  return text ? std::optional(DatasetType(name, parse_dataset(*text))) : std::nullopt;
}

std::string allowed_types() {
  std::vector<std::string> names;
  for (const PlainDatasetType& type : plain_dataset_types) names.emplace_back(type.name);
  for (const DatasetText& text : shipped_datasets()) names.push_back(text.name);
  return joined(names, ", ") + ", a name in $DATUS_DATASETS, or the path of a description with a `/` or `.` in it";
}

}  // namespace

CodecOf<DatasetType> dataset_type() {
  const auto print = [](const DatasetType& type) { return yaml_string(literal_path(type.name)); };
  const auto canonical = [](const DatasetType& type) {
    return type.description ? "(description " + type.description->content.hex() + ")" : type.name;
  };
  return codec_of<DatasetType>(allowed_types(), parse_type, print, canonical);
}

}  // namespace datus
