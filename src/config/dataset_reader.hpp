// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/yaml_source.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace datus {

/// The entries of one map of a description, each taken once; what nobody takes is an unknown key. All throw
/// `UsageError` naming file and line.
class DatasetSection {
 public:
  DatasetSection(const YAML::Node& map, std::string name, const YamlSource& source);

  /// The value of a key; null where it is not written.
  [[nodiscard]] const YamlEntry* take(std::string_view key);
  [[nodiscard]] const YamlEntry& require(std::string_view key);
  [[nodiscard]] std::string text(std::string_view key);  ///< empty where it is not written
  [[nodiscard]] bool flag(std::string_view key);         ///< false where it is not written
  /// A list of texts, or one.
  [[nodiscard]] std::vector<std::string> texts(std::string_view key);
  /// Refuses keys that nobody took.
  void finish() const;

  [[nodiscard]] const YamlSource& source() const { return source_; }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  std::string name_;
  const YamlSource& source_;
  std::string origin_;
  std::vector<YamlEntry> entries_;
  std::vector<std::string> known_;
};

[[noreturn]] void refuse_entry(const YamlEntry& entry, const std::string& why, const std::string& what_to_do);
/// An integer of the entry, from `low` to `high`.
[[nodiscard]] int integer_of(const YAML::Node& node, int low, int high, const YamlEntry& entry);
/// A list of them, or one.
[[nodiscard]] std::vector<int> integers_of(const YAML::Node& node, int low, int high, const YamlEntry& entry);
[[nodiscard]] std::vector<std::string> texts_of(const YAML::Node& node, const YamlEntry& entry);
/// A list of [red, green, blue].
[[nodiscard]] std::vector<std::array<std::uint8_t, 3>> colours_of(const YAML::Node& node, const YamlEntry& entry);

}  // namespace datus
