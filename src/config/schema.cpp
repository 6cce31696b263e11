#include "config/schema.hpp"

#include "config/key_adder.hpp"
#include "config/preset.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace datus {
namespace {

void add_preset(Keys& keys) {
  Codec<std::string> codec = preset_name();
  keys.push_back({"",
                  "preset",
                  "Set of values that the keys not written take.",
                  codec.allowed,
                  {},
                  [parse = codec.parse](Config& config, const RawValue& raw) {
                    const auto value = parse(raw);
                    if (value) config.preset = *value;
                    return value.has_value();
                  },
                  [](const Config& config) { return config.preset; },
                  [](const Config& config) { return config.preset; }});
}

Keys all_keys() {
  Keys keys;
  add_preset(keys);
  add_input_keys(keys);
  add_method_keys(keys);
  return keys;
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

bool Key::affects(Stage stage) const {
  return std::find(stages.begin(), stages.end(), stage) != stages.end();
}

std::span<const Key> schema() {
  static const Keys keys = all_keys();
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
