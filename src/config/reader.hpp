// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/schema.hpp"
#include "config/yaml_source.hpp"

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace datus {

/// A key with the value written for it.
struct Setting {
  const Key* key = nullptr;
  RawValue value;
};

/// The settings in a YAML file, in the order of the file. Throws `UsageError` naming file and line:
/// no YAML, an unknown or repeated key, a value that is a map.
[[nodiscard]] std::vector<Setting> read_settings(const std::filesystem::path& file);

/// The setting in "section.key=value", with a YAML value. `source` says where it was written, such
/// as "--set". Throws `UsageError` likewise.
[[nodiscard]] Setting read_assignment(const std::string& assignment, std::string_view source);

/// The setting of an entry whose name is "section.key", in a file of this folder. Throws likewise.
[[nodiscard]] Setting read_entry(const YamlEntry& entry, const std::string& name, const std::filesystem::path& folder);

/// The configuration of these settings, the last one of a key winning. Throws as `load_config`.
[[nodiscard]] Config resolved(Config start, std::span<const Setting> settings);
/// The same; where the first `in_file`, those of a file, have no preset and no word on the method, the preset is that
/// of files.
[[nodiscard]] Config resolved_file(Config start, std::span<const Setting> settings, std::size_t in_file);

/// Throws the `UsageError` for a key that does not exist, written at `origin`, naming the ones that
/// do.
[[noreturn]] void refuse_unknown_key(const std::string& section, const std::string& name, const std::string& origin);

}  // namespace datus
