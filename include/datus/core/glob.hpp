// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace datus {

/// A pattern of relative paths, with '/' between names: `*` is any part of a name, `?` one character, `[a-z]` one of
/// these and `[!a-z]` one of the others, and `**` in place of a name any number of folders, none too (at the end: all
/// that is below). All else, in the same case, stands for itself.
class Glob {
 public:
  /// What `{a,b}`, which may hold others, stands for: one pattern without them for each choice, in their order.
  /// Throws `UsageError` for a brace without its other one.
  [[nodiscard]] static std::vector<std::string> alternatives(const std::string& pattern);

  /// Of one without braces. Throws `UsageError` for a bracket that does not end, or has what is not ASCII, and for
  /// `**` that is a part of a name.
  explicit Glob(std::string pattern);

  /// What each wildcard has matched, the first ones as much as they can; nothing where the path is another one. `**/`
  /// matches up to its slash.
  [[nodiscard]] std::optional<std::vector<std::string>> match(std::string_view path) const;
  /// The path with these texts, one for each wildcard, in their places.
  [[nodiscard]] std::string filled(std::span<const std::string> texts) const;

  /// The pattern of such paths without their ending: up to the last dot of the last name, outside of brackets.
  [[nodiscard]] Glob stem() const;

  [[nodiscard]] std::size_t wildcards() const;
  [[nodiscard]] const std::string& text() const { return pattern_; }

 private:
  enum class Kind { literal, character, set, part, folders, rest };
  struct Piece {
    Kind kind;
    std::string text = {};  ///< of a literal; of a set its characters
    bool is_negated = false;
  };
  class Matcher;

  /// The set behind the bracket at `at`, which goes behind its end.
  [[nodiscard]] Piece set_at(std::size_t& at) const;

  std::string pattern_;
  std::vector<Piece> pieces_;
};

}  // namespace datus
