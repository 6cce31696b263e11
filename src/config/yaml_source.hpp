// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <yaml-cpp/yaml.h>

namespace datus {

/// Text to parse, and where it is from: a file, in which places have a line, or an assignment.
struct YamlSource {
  std::string name;
  bool has_lines = true;

  /// `FILE:LINE`; the library counts lines from 0.
  [[nodiscard]] std::string position(const YAML::Mark& mark) const {
    return has_lines && !mark.is_null() ? name + ":" + std::to_string(mark.line + 1) : name;
  }
};

/// The text of a file; nothing where it cannot be read or is larger than 512 KiB, and `why` says why: in memory each
/// value takes a hundred times its text.
[[nodiscard]] std::optional<std::string> yaml_text(const std::filesystem::path& file, std::string& why);
/// The same for who needs it. Throws `UsageError` calling it `what` when it cannot be read.
[[nodiscard]] std::string yaml_file_content(const std::filesystem::path& file, const std::string& what);

/// The one document in `text`. Throws `UsageError` naming the place.
[[nodiscard]] YAML::Node parse_yaml(const std::string& text, const YamlSource& source);

/// An entry of a map, and where it was written.
struct YamlEntry {
  std::string name;
  YAML::Node value;
  std::string origin;
};

/// The entries of a map, with those that merge keys bring in, unless the map has them itself. Throws for a name that is
/// no text, or is there twice.
[[nodiscard]] std::vector<YamlEntry> yaml_entries(const YAML::Node& map, const std::string& prefix,
                                                  const YamlSource& source);

}  // namespace datus
