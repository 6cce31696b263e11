// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/provenance.hpp"

#include "pipeline/files/stage_files.hpp"

#include <sstream>
#include <utility>
#include <variant>

namespace datus {
namespace {

std::map<std::string, std::string> parse_settings(const std::string& text) {
  std::map<std::string, std::string> settings;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(": ");
    if (colon != std::string::npos) settings[line.substr(0, colon)] = line.substr(colon + 2);
  }
  return settings;
}

constexpr const char* part_prefix = "provenance.";

constexpr const char* shard_name = "shard";

/// -1 where there is none.
std::int64_t recorded_shard(const Hdf5Reader& reader) {
  return reader.has_attribute("/", shard_name) ? reader.attribute<std::int64_t>("/", shard_name) : -1;
}

std::string hex_or_none(const std::optional<Hash>& hash) {
  return hash ? hash->hex() : std::string("none");
}

void add_outside(OutsideInput input, const Config& config, const RunInputs& inputs,
                 std::map<std::string, std::string>& parts) {
  switch (input) {
    case OutsideInput::images:
      parts["images"] = inputs.images.hex();
      break;
    case OutsideInput::weights:
      parts["weights"] = hex_or_none(inputs.weights);
      break;
    case OutsideInput::backend:
      parts["backend"] = inputs.backend;
      break;
    case OutsideInput::dataset_mean:
      if (needs_dataset_mean(config)) parts["mean embedding"] = hex_or_none(inputs.dataset_mean);
      break;
    case OutsideInput::descriptor_weights:
      parts["descriptor_weights"] = hex_or_none(inputs.descriptor_weights);
      break;
    case OutsideInput::centroids:
      parts["centroids"] = hex_or_none(inputs.centroids);
      break;
  }
}

}  // namespace

Hash StageProvenance::hash() const {
  Hasher hasher;
  hasher.add(stage).add(static_cast<std::int64_t>(parts.size()));
  for (const auto& [name, text] : parts) hasher.add(name).add(text);
  return hasher.finish();
}

StageProvenance StageProvenance::of_shard(ShardIndex index) const {
  StageProvenance record = *this;
  record.shard = index;
  if (images_of_shards) record.parts["images"] = images_of_shards->at(static_cast<std::size_t>(index.value)).hex();
  if (before) record.parts["input"] = before->of_shard(index).hash().hex();
  return record;
}

void RunInputs::set_images(const ImageList& list) {
  images = list.hash();
  std::vector<Hash> hashes;
  for (std::int64_t shard = 0; shard < list.shards(); ++shard) hashes.push_back(list.hash_of({shard}));
  images_of_shards = std::make_shared<const std::vector<Hash>>(std::move(hashes));
}

Provenance::Provenance(const Config& config, RunInputs inputs) : config_(config), inputs_(std::move(inputs)) {
  // Masks are the same in files of any format, which can be made from each other.
  config_.mask.formats = MaskConfig().formats;
}

StageProvenance Provenance::of(Stage stage) const {
  const StageFiles& files = files_of(stage);
  StageProvenance record;
  record.stage = stage_name(stage);
  record.parts["code"] = std::to_string(files.code_version);
  record.parts["settings"] = settings_text(config_, stage);
  if (files.input) {
    StageProvenance before = of(*files.input);
    record.parts["input"] = before.hash().hex();
    if (files.is_by_shard) record.before = std::make_shared<const StageProvenance>(std::move(before));
  }
  for (const auto& outside : files.outside) {
    if (!outside) continue;
    add_outside(*outside, config_, inputs_, record.parts);
    if (*outside == OutsideInput::images) record.images_of_shards = inputs_.images_of_shards;
  }
  return record;
}

StageProvenance Provenance::of(Stage stage, int k) const {
  Config one = config_;
  one.cluster.k = {k};
  return Provenance(one, inputs_).of(stage);
}

void write_provenance(Hdf5Writer& writer, const StageProvenance& provenance) {
  writer.attribute("/", "provenance", provenance.hash().hex());
  for (const auto& [name, text] : provenance.parts) writer.attribute("/", part_prefix + name, text);
  if (provenance.shard) writer.attribute("/", shard_name, provenance.shard->value);
}

bool has_provenance(const Hdf5Reader& reader, const StageProvenance& wanted) {
  if (!reader.has_attribute("/", "done") || !reader.has_attribute("/", "provenance")) return false;
  if (reader.attribute<std::string>("/", "provenance") != wanted.hash().hex()) return false;
  return !wanted.shard || recorded_shard(reader) == wanted.shard->value;
}

std::map<std::string, std::string> recorded_parts(const Hdf5Reader& reader) {
  std::map<std::string, std::string> parts;
  const std::string prefix = part_prefix;
  for (const auto& [name, value] : reader.attributes("/")) {
    if (name.starts_with(prefix) && std::holds_alternative<std::string>(value)) {
      parts[name.substr(prefix.size())] = std::get<std::string>(value);
    }
  }
  return parts;
}

std::string describe_difference(const std::map<std::string, std::string>& found, const StageProvenance& wanted) {
  std::string text;
  const auto add = [&text](const std::string& phrase) { text += (text.empty() ? "" : "; ") + phrase; };
  for (const auto& [name, value] : wanted.parts) {
    const auto old = found.find(name);
    if (old == found.end()) {
      add("no record of its " + name);
    } else if (old->second == value) {
      continue;
    } else if (name == "settings") {
      const auto before = parse_settings(old->second);
      for (const auto& [key, now] : parse_settings(value)) {
        const auto was = before.find(key);
        if (was == before.end()) {
          add(key + " is new");
        } else if (was->second != now) {
          add(key + ": " + was->second + " became " + now);
        }
      }
    } else if (name == "input") {
      add("the stage before it changed");
    } else if (name == "code") {
      add("made by another version of the program");
    } else {
      add("other " + name);
    }
  }
  return text;
}

std::string describe_difference(const Hdf5Reader& reader, const StageProvenance& wanted) {
  const std::int64_t shard = recorded_shard(reader);
  // First: another shard is made from other images.
  if (wanted.shard && shard >= 0 && shard != wanted.shard->value)
    return "it is a copy of shard " + std::to_string(shard);
  const std::string difference = describe_difference(recorded_parts(reader), wanted);
  return difference.empty() && wanted.shard && shard < 0 ? "no record of its shard" : difference;
}

}  // namespace datus
