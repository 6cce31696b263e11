// SPDX-License-Identifier: Apache-2.0
#include "datus/core/glob.hpp"

#include "datus/core/error.hpp"

#include <algorithm>

namespace datus {
namespace {

[[noreturn]] void refuse(const std::string& pattern, const std::string& why, const std::string& what_to_do) {
  throw UsageError("Cannot use the pattern " + pattern, why, what_to_do);
}

/// Bytes of the UTF-8 character at `at`.
std::size_t character_size(std::string_view text, std::size_t at) {
  std::size_t size = 1;
  while (at + size < text.size() && (static_cast<unsigned char>(text[at + size]) & 0xC0U) == 0x80U) ++size;
  return size;
}

/// Adds, for each choice of the first pair of braces, the pattern with it, whose other braces follow.
void expand(const std::string& pattern, const std::string& whole, std::vector<std::string>& alternatives) {
  const std::size_t open = pattern.find_first_of("{}");
  if (open == std::string::npos) return alternatives.push_back(pattern);
  std::vector<std::size_t> ends = {open};  // of the choices, in front of each but the first
  int depth = 0;
  for (std::size_t at = open; at < pattern.size(); ++at) {
    if (pattern[at] == '{') ++depth;
    if (pattern[at] == '}') --depth;
    if ((pattern[at] == ',' && depth == 1) || depth == 0) ends.push_back(at);
    if (depth <= 0) break;
  }
  if (depth != 0) refuse(whole, "a brace has no other one", "Write {jpg,png}, for example.");
  for (std::size_t i = 0; i + 1 < ends.size(); ++i) {
    const std::string choice = pattern.substr(ends[i] + 1, ends[i + 1] - ends[i] - 1);
    expand(pattern.substr(0, open) + choice + pattern.substr(ends.back() + 1), whole, alternatives);
  }
}

}  // namespace

std::vector<std::string> Glob::alternatives(const std::string& pattern) {
  std::vector<std::string> alternatives;
  expand(pattern, pattern, alternatives);
  return alternatives;
}

Glob::Glob(std::string pattern) : pattern_(std::move(pattern)) {
  for (std::size_t at = 0; at < pattern_.size();) {
    const std::string_view rest = std::string_view(pattern_).substr(at);
    if (rest.starts_with("**")) {
      const bool begins = at == 0 || pattern_[at - 1] == '/';
      if (!begins || (rest.size() > 2 && rest[2] != '/'))
        refuse(pattern_, "** stands for folders, not for a part of a name",
               "Write * there, or **/ in front of a name.");
      pieces_.push_back({rest.size() > 2 ? Kind::folders : Kind::rest});
      at += std::min<std::size_t>(3, rest.size());
    } else if (rest.front() == '*' || rest.front() == '?') {
      pieces_.push_back({rest.front() == '*' ? Kind::part : Kind::character});
      ++at;
    } else if (rest.front() == '[') {
      pieces_.push_back(set_at(at));
    } else {
      if (pieces_.empty() || pieces_.back().kind != Kind::literal) pieces_.push_back({Kind::literal});
      pieces_.back().text += rest.front();
      ++at;
    }
  }
}

Glob::Piece Glob::set_at(std::size_t& at) const {
  Piece set{Kind::set};
  ++at;
  set.is_negated = at < pattern_.size() && (pattern_[at] == '!' || pattern_[at] == '^');
  if (set.is_negated) ++at;
  const std::size_t end = pattern_.find(']', at + 1);  // a bracket that comes first is one of the characters
  if (end == std::string::npos) refuse(pattern_, "a [ has no ] behind it", "Write [a-z], or [[] for the character.");
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  if (!std::all_of(&pattern_[at], &pattern_[end], is_ascii))
    refuse(pattern_, "there is more than ASCII in brackets", "Write ? there, or {ä,ö}.");
  for (; at < end; ++at) {
    const bool is_range = at + 2 < end && pattern_[at + 1] == '-';
    const char last = is_range ? pattern_[at + 2] : pattern_[at];
    for (int c = pattern_[at]; c <= last; ++c) set.text += static_cast<char>(c);
    if (is_range) at += 2;
  }
  at = end + 1;
  return set;
}

/// One path against the pieces. From the same piece and place the end is the same: each is tried once.
class Glob::Matcher {
 public:
  Matcher(const std::vector<Piece>& pieces, std::string_view path)
      : pieces_(pieces), path_(path), failed_((pieces.size() + 1) * (path.size() + 1)) {}

  [[nodiscard]] bool matches(std::size_t piece, std::size_t at) {
    if (piece == pieces_.size()) return at == path_.size();
    if (failed_[piece * (path_.size() + 1) + at]) return false;
    if (begins_here(piece, at)) return true;
    failed_[piece * (path_.size() + 1) + at] = true;
    return false;
  }
  /// From the last wildcard to the first.
  [[nodiscard]] std::vector<std::string>& texts() { return texts_; }

 private:
  bool begins_here(std::size_t piece, std::size_t at) {
    const auto& [kind, text, is_negated] = pieces_[piece];
    if (kind == Kind::literal) return path_.substr(at).starts_with(text) && matches(piece + 1, at + text.size());
    if (kind == Kind::character || kind == Kind::set) {
      if (at == path_.size() || path_[at] == '/') return false;
      if (kind == Kind::set && (text.find(path_[at]) != std::string::npos) == is_negated) return false;
      return takes(piece, at, at + character_size(path_, at));
    }
    const std::size_t longest = kind == Kind::part ? std::min(path_.find('/', at), path_.size()) : path_.size();
    for (std::size_t end = longest + 1; end-- > at;) {
      if (kind == Kind::folders && end != at && path_[end - 1] != '/') continue;
      if (takes(piece, at, end)) return true;
    }
    return false;
  }
  bool takes(std::size_t piece, std::size_t at, std::size_t end) {
    if (!matches(piece + 1, end)) return false;
    texts_.emplace_back(path_.substr(at, end - at));
    return true;
  }

  const std::vector<Piece>& pieces_;
  std::string_view path_;
  std::vector<bool> failed_;
  std::vector<std::string> texts_;
};

std::optional<std::vector<std::string>> Glob::match(std::string_view path) const {
  Matcher matcher(pieces_, path);
  if (!matcher.matches(0, 0)) return std::nullopt;
  std::ranges::reverse(matcher.texts());
  return std::move(matcher.texts());
}

std::string Glob::filled(std::span<const std::string> texts) const {
  std::string path;
  std::size_t next = 0;
  for (const Piece& piece : pieces_) path += piece.kind == Kind::literal ? piece.text : texts[next++];
  return path;
}

Glob Glob::stem() const {
  bool is_set = false;
  std::size_t end = pattern_.size();
  for (std::size_t at = 0; at < pattern_.size(); ++at) {
    if (pattern_[at] == '[') is_set = true;
    if (pattern_[at] == ']') is_set = false;
    if (pattern_[at] == '/') end = pattern_.size();
    if (pattern_[at] == '.' && !is_set) end = at;
  }
  return Glob(pattern_.substr(0, end));
}

std::size_t Glob::wildcards() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(pieces_, [](const Piece& piece) { return piece.kind != Kind::literal; }));
}

}  // namespace datus
