// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace datus {

/// A value as somebody wrote it: one scalar, or a flat list of scalars.
struct RawValue {
  struct Item {
    /// Every spelling of YAML's null that is not in quotes is "null" here.
    std::string text;
    /// In quotes: never a number and never null.
    bool quoted = false;
  };

  std::vector<Item> items;
  bool is_list = false;
  /// Where it was written, for messages: `configs/a.yaml:12`, `--set cluster.k=0`.
  std::string origin;
  /// What a relative path in it is relative to.
  std::filesystem::path folder;

  /// The value for messages.
  [[nodiscard]] std::string text() const;
};

/// How a value is read, written and hashed, and what is allowed. It gets the value's address and not its type, so that
/// it is compiled once and not for each key.
struct Codec {
  /// For people, such as "integer of at least 1".
  std::string allowed;
  /// Stores the value; false, and nothing stored, when it is none that is allowed.
  std::function<bool(const RawValue&, void*)> read;
  /// YAML that reads back as an equal value; the same text for equal values.
  std::function<std::string(const void*)> write;
  /// The text to hash: that of `write`, unless a path is to be left out.
  std::function<std::string(const void*)> canonical = write;
};

/// One key of the configuration. Parsing, messages, dump, reference and hashes all come from this.
struct Key {
  /// Empty for `preset`, which is in no section.
  std::string section;
  std::string name;
  /// One sentence for people.
  std::string help;
  std::string allowed;
  /// The stages whose own results depend on the value. Empty where results do not depend on it, and
  /// for paths: what is in the file counts, not where it lies, so provenance holds hashes of the
  /// contents instead.
  std::vector<Stage> stages;
  /// How the value, `offset` bytes into the configuration, is read and written.
  Codec codec;
  std::size_t offset = 0;

  /// What the codec does, with the value in the configuration.
  [[nodiscard]] bool read(Config& config, const RawValue& raw) const;
  [[nodiscard]] std::string write(const Config& config) const;
  [[nodiscard]] std::string canonical(const Config& config) const;

  /// "section.name".
  [[nodiscard]] std::string full_name() const;
  [[nodiscard]] bool affects(Stage stage) const;
};

/// A group of keys.
struct Section {
  std::string name;
  std::string help;
};

/// All keys, section by section, in the order of the reference.
[[nodiscard]] std::span<const Key> schema();

/// All sections, in order.
[[nodiscard]] std::span<const Section> sections();

/// The key called "section.name", or null.
[[nodiscard]] const Key* find_key(std::string_view full_name);

/// Presets and all keys as Markdown: the generated part of docs/configuration.md.
[[nodiscard]] std::string config_reference_markdown();

}  // namespace datus
