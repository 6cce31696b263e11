// SPDX-License-Identifier: Apache-2.0
#include "config/schema.hpp"

#include "config/key_adder.hpp"
#include "config/preset.hpp"
#include "config/text.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace datus {
namespace {

std::vector<Key> all_keys() {
  Keys keys;
  keys.add("", "preset", &keys.sample.preset, preset_name(), {}, "Set of values that the keys not written take.");
  add_input_keys(keys);
  add_method_keys(keys);
  return std::move(keys.list);
}

const void* value_of(const Config& config, const Key& key) {
  return reinterpret_cast<const char*>(&config) + key.offset;
}

}  // namespace

std::string RawValue::text() const {
  std::vector<std::string> words;
  for (const Item& item : items) words.push_back(item.quoted ? "\"" + item.text + "\"" : item.text);
  return is_list ? bracketed(words) : joined(words, ", ");
}

std::string Key::full_name() const {
  return section.empty() ? name : section + "." + name;
}

bool Key::read(Config& config, const RawValue& raw) const {
  return codec.read(raw, const_cast<void*>(value_of(config, *this)));
}

std::string Key::write(const Config& config) const {
  return codec.write(value_of(config, *this));
}

std::string Key::canonical(const Config& config) const {
  return codec.canonical(value_of(config, *this));
}

bool Key::affects(Stage stage) const {
  return std::find(stages.begin(), stages.end(), stage) != stages.end();
}

void Keys::add(const char* section, const char* name, const void* member, Codec codec, const Stages& stages,
               const char* help) {
  const auto offset = static_cast<const char*>(member) - reinterpret_cast<const char*>(&sample);
  std::string allowed = codec.allowed;
  list.push_back({section, name, help, std::move(allowed), stages, std::move(codec), static_cast<std::size_t>(offset)});
}

std::span<const Key> schema() {
  static const std::vector<Key> keys = all_keys();
  return keys;
}

std::span<const Section> sections() {
  static const std::vector<Section> list = {
      {"run", "Where the run lives, and how the job behaves."},
      {"dataset", "Which images, and their ground truth where there is some."},
      {"model", "The frozen backbone, and what it is fed; `auto`: as the weights say."},
      {"affinity", "The graph of an image's patches."},
      {"segment", "From the graph to segments."},
      {"descriptor", "One vector for each segment."},
      {"cluster", "k-means over all descriptors."},
      {"mask", "Label maps as files."},
      {"evaluate", "Scores against ground truth."},
      {"storage", "What is kept of the intermediate data."},
  };
  return list;
}

const Key* find_key(std::string_view full_name) {
  const auto keys = schema();
  const auto found =
      std::find_if(keys.begin(), keys.end(), [&](const Key& key) { return key.full_name() == full_name; });
  return found == keys.end() ? nullptr : &*found;
}

}  // namespace datus
