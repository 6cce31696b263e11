#pragma once

#include "config/schema.hpp"
#include "config/text.hpp"
#include "datus/config/config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace datus {

/// How a value of type T is read, written and hashed, and what is allowed. Codecs are built from
/// each other below.
template <class T>
struct Codec {
  std::string allowed;
  /// Nothing when the value is not allowed.
  std::function<std::optional<T>(const RawValue&)> parse;
  /// YAML that parses to an equal value; the same text for equal values.
  std::function<std::string(const T&)> print;
  /// The text to hash: that of `print`, unless a path is to be left out.
  std::function<std::string(const T&)> canonical = print;
};

/// The one unquoted scalar that a number can be read from, or null.
[[nodiscard]] const std::string* plain_scalar(const RawValue& value);

/// The whole text as a number, finite, with +0 for -0; nothing when it is none.
template <class T>
std::optional<T> parse_number(const std::string& text) {
  T number{};
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, number);
  if (code != std::errc{} || stop != end) return std::nullopt;
  if constexpr (std::floating_point<T>) {
    if (!std::isfinite(number)) return std::nullopt;
  }
  return number + T{};
}

/// The shortest text that reads back as the same number.
template <class T>
std::string print_number(T number) {
  std::array<char, 64> text{};
  const auto result = std::to_chars(text.data(), text.data() + text.size(), number);
  return {text.data(), result.ptr};
}

/// A number for which `accepts` holds; `allowed` says so to people.
template <class T>
Codec<T> number(std::string allowed, std::function<bool(T)> accepts) {
  const auto parse = [accepts = std::move(accepts)](const RawValue& value) -> std::optional<T> {
    const std::string* text = plain_scalar(value);
    const auto result = text ? parse_number<T>(*text) : std::nullopt;
    return result && accepts(*result) ? result : std::nullopt;
  };
  return {std::move(allowed), parse, print_number<T>};
}

/// Any finite number.
template <class T>
Codec<T> any_number() {
  return number<T>("number", [](T) { return true; });
}

/// A number above 0.
[[nodiscard]] Codec<double> positive_number();

/// An integer in [least, most].
template <std::integral T>
Codec<T> integer(T least = std::numeric_limits<T>::min(), T most = std::numeric_limits<T>::max()) {
  std::string allowed = "integer";
  if (most != std::numeric_limits<T>::max()) {
    allowed += " from " + std::to_string(least) + " to " + std::to_string(most);
  } else if (least != std::numeric_limits<T>::min() || least == 0) {
    allowed += " of at least " + std::to_string(least);
  }
  return number<T>(allowed, [least, most](T value) { return value >= least && value <= most; });
}

/// One of the names, each standing for an enumerator.
template <class Enum>
Codec<Enum> choice(std::vector<std::pair<std::string, Enum>> names) {
  std::vector<std::string> words;
  for (const auto& [name, enumerator] : names) words.push_back("`" + name + "`");
  const auto parse = [names](const RawValue& value) -> std::optional<Enum> {
    if (value.is_list || value.items.size() != 1) return std::nullopt;
    for (const auto& [name, enumerator] : names) {
      if (value.items.front().text == name) return enumerator;
    }
    return std::nullopt;
  };
  const auto print = [names](const Enum& value) {
    const auto found = std::find_if(names.begin(), names.end(), [&](const auto& pair) { return pair.second == value; });
    return found == names.end() ? std::string() : found->first;
  };
  return {joined(words, ", ") + (words.size() == 1 ? " (no other is built yet)" : ""), parse, print};
}

/// The bare word `word`, which stands for an empty optional, or what `codec` takes.
template <class T>
Codec<std::optional<T>> word_or(const std::string& word, Codec<T> codec) {
  const auto parse = [word, inner = codec.parse](const RawValue& value) -> std::optional<std::optional<T>> {
    if (!value.is_list && value.items.size() == 1) {
      const RawValue::Item& item = value.items.front();
      if (item.text == word && !(item.quoted && word == "null")) return std::optional<T>{};
    }
    const std::optional<T> result = inner(value);
    return result ? std::optional<std::optional<T>>(result) : std::nullopt;
  };
  const auto unless_empty = [word](const auto& print) {
    return [word, print](const std::optional<T>& value) { return value ? print(*value) : word; };
  };
  Codec<std::optional<T>> result{"`" + word + "`, or " + codec.allowed, parse, unless_empty(codec.print)};
  result.canonical = unless_empty(codec.canonical);
  return result;
}

/// A list of what `codec` takes, or one such value for a list of one. Not empty, no value twice.
template <class T>
Codec<std::vector<T>> list_of(Codec<T> codec) {
  const auto parse = [inner = codec.parse](const RawValue& value) -> std::optional<std::vector<T>> {
    std::vector<T> list;
    for (const RawValue::Item& item : value.items) {
      const auto element = inner(RawValue{{item}, false, value.origin, value.folder});
      if (!element || std::find(list.begin(), list.end(), *element) != list.end()) return std::nullopt;
      list.push_back(*element);
    }
    return list.empty() ? std::nullopt : std::optional(list);
  };
  const auto print = [inner = codec.print](const std::vector<T>& list) {
    std::vector<std::string> words;
    for (const T& element : list) words.push_back(inner(element));
    return bracketed(words);
  };
  return {"list of distinct values, or one: " + codec.allowed, parse, print};
}

/// The same, in ascending order.
template <class T>
Codec<std::vector<T>> ascending(Codec<std::vector<T>> codec) {
  codec.parse = [inner = codec.parse](const RawValue& value) {
    auto list = inner(value);
    if (list) std::sort(list->begin(), list->end());
    return list;
  };
  return codec;
}

/// `true` or `false`.
[[nodiscard]] Codec<bool> boolean();
/// Any text that is not empty.
[[nodiscard]] Codec<std::string> word();
/// A path, made absolute from the folder of its origin.
[[nodiscard]] Codec<std::filesystem::path> file_path();
/// A path that stays as written.
[[nodiscard]] Codec<std::filesystem::path> path_as_written();
/// A name (letters, digits, - and _ only), kept and hashed as it is; or the path of a file, made absolute, of which
/// only the presence is hashed.
[[nodiscard]] Codec<std::filesystem::path> name_or_path();
/// `FILE` or `FILE:/dataset`, the file's path made absolute.
[[nodiscard]] Codec<std::string> hdf5_dataset();
/// `null`, a number of classes, or the path of a file, of which only the presence is hashed.
[[nodiscard]] Codec<ClassSource> class_source();
/// One integer for both sides, or [rows, cols].
[[nodiscard]] Codec<PixelSize> pixel_size();
/// A list of three numbers.
[[nodiscard]] Codec<std::array<double, 3>> three_numbers(const Codec<double>& element);
/// Bytes: an integer, or one with KiB, MiB, GiB or TiB behind it.
[[nodiscard]] Codec<std::int64_t> byte_count();

}  // namespace datus
