// SPDX-License-Identifier: Apache-2.0
#include "config/preset.hpp"
#include "config/reader.hpp"
#include "config/validate.hpp"
#include "datus/core/error.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>

namespace datus {
namespace {

/// A configuration that remembers where each value came from.
class Loader {
 public:
  explicit Loader(Config config) : config_(std::move(config)) {}

  /// Throws `UsageError` naming key, origin and value when the value is not allowed.
  void apply(const Setting& setting) {
    const Key& key = *setting.key;
    const std::string name = key.full_name();
    const std::string written = name + " = " + setting.value.text();
    if (!key.read(config_, setting.value)) {
      throw UsageError(written + " is not allowed", setting.value.origin, "Allowed: " + key.allowed + ".");
    }
    origins_[name] = setting.value.origin;
  }

  [[nodiscard]] Config finish() && {
    validate(config_, [this](const std::string& name) {
      const auto found = origins_.find(name);
      return found == origins_.end() ? "the default" : found->second;
    });
    return std::move(config_);
  }

  [[nodiscard]] const Config& config() const { return config_; }

 private:
  Config config_;
  std::map<std::string, std::string> origins_;
};

void apply_preset(Loader& loader) {
  for (const Preset& preset : presets()) {
    if (preset.name != loader.config().preset) continue;
    for (const std::string& value : preset.values) loader.apply(read_assignment(value, "preset " + preset.name + ":"));
  }
}

bool is_preset(const Setting& setting) {
  return setting.key->section.empty();
}

/// Whether settings say something about the method, so that those they leave out mean their defaults.
bool name_a_method(std::span<const Setting> settings) {
  return std::ranges::any_of(settings, [](const Setting& setting) {
    constexpr std::array sections{"affinity", "segment", "descriptor", "mask"};
    const std::string name = setting.key->full_name();
    return is_preset(setting) || name == "cluster.init" ||
           (std::ranges::find(sections, setting.key->section) != sections.end() && name != "mask.formats");
  });
}

}  // namespace

Config load_config(const std::optional<std::filesystem::path>& file, std::span<const std::string> overrides) {
  Config start;
  std::vector<Setting> settings;
  if (file) {
    start.run.directory = "runs" / file->stem();
    settings = read_settings(*file);
  }
  const std::size_t in_file = settings.size();
  for (const std::string& text : overrides) settings.push_back(read_assignment(text, "--set"));
  return file ? resolved_file(std::move(start), settings, in_file) : resolved(std::move(start), settings);
}

Config resolved_file(Config start, std::span<const Setting> settings, std::size_t in_file) {
  if (!name_a_method(settings.first(in_file))) start.preset = preset_of_files;
  return resolved(std::move(start), settings);
}

Config resolved(Config start, std::span<const Setting> settings) {
  Loader loader(std::move(start));
  for (const Setting& setting : settings) {
    if (is_preset(setting)) loader.apply(setting);
  }
  apply_preset(loader);
  for (const Setting& setting : settings) {
    if (!is_preset(setting)) loader.apply(setting);
  }
  return std::move(loader).finish();
}

Config default_config(std::span<const std::string> overrides) {
  return load_config(std::nullopt, overrides);
}

}  // namespace datus
