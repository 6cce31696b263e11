// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/schema.hpp"
#include "config/text.hpp"
#include "datus/config/config.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace datus {

/// A codec for values of type T. They are built from each other below.
template <class T>
struct CodecOf : Codec {};

/// A number for which `accepts` holds; `allowed` says so to people. T is a floating-point type or int.
template <class T>
[[nodiscard]] CodecOf<T> number(const char* allowed, bool (*accepts)(T));
/// Any finite number.
template <class T>
[[nodiscard]] CodecOf<T> any_number();
/// A number above 0.
[[nodiscard]] CodecOf<double> positive_number();
/// An integer in [least, most].
template <class T>
[[nodiscard]] CodecOf<T> integer(T least = std::numeric_limits<T>::min(), T most = std::numeric_limits<T>::max());

/// One of the names, each standing for an enumerator, whose number is given here.
[[nodiscard]] Codec choice_of_numbers(std::vector<std::pair<std::string, int>> names);

/// One of the names, each standing for an enumerator.
template <class Enum>
[[nodiscard]] CodecOf<Enum> choice(std::initializer_list<std::pair<const char*, Enum>> names) {
  static_assert(std::is_same_v<std::underlying_type_t<Enum>, int>, "stored as an int");
  std::vector<std::pair<std::string, int>> numbers;
  for (const auto& [name, enumerator] : names) numbers.emplace_back(name, static_cast<int>(enumerator));
  return {choice_of_numbers(std::move(numbers))};
}

/// One of the words, kept as it is.
[[nodiscard]] CodecOf<std::string> one_of(std::vector<std::string> words);

/// Whether the bare word `word` was written.
[[nodiscard]] bool is_word(const RawValue& raw, const std::string& word);

/// The bare word `word`, which stands for an empty optional, or what `codec` takes.
template <class T>
[[nodiscard]] CodecOf<std::optional<T>> word_or(const std::string& word, const CodecOf<T>& codec) {
  const auto read = [=](const RawValue& raw, void* value) {
    T inner{};
    const bool is_empty = is_word(raw, word);
    if (!is_empty && !codec.read(raw, &inner)) return false;
    *static_cast<std::optional<T>*>(value) = is_empty ? std::nullopt : std::optional<T>(std::move(inner));
    return true;
  };
  const auto unless_empty = [&](const std::function<std::string(const void*)>& text) {
    return [=](const void* value) {
      const auto& optional = *static_cast<const std::optional<T>*>(value);
      return optional ? text(&*optional) : word;
    };
  };
  return {{"`" + word + "`, or " + codec.allowed, read, unless_empty(codec.write), unless_empty(codec.canonical)}};
}

/// What was written as a list, with brackets or with commas alone, or one value, each as if it had been written alone.
[[nodiscard]] std::vector<RawValue> elements_of(const RawValue& raw);

/// A list of what `codec` takes, or one such value for a list of one. Not empty, no value twice.
template <class T>
[[nodiscard]] CodecOf<std::vector<T>> list_of(const CodecOf<T>& codec) {
  const auto read = [=](const RawValue& raw, void* value) {
    std::vector<T> list;
    for (const RawValue& element : elements_of(raw)) {
      T inner{};
      if (!codec.read(element, &inner) || std::find(list.begin(), list.end(), inner) != list.end()) return false;
      list.push_back(inner);
    }
    if (!list.empty()) *static_cast<std::vector<T>*>(value) = list;
    return !list.empty();
  };
  const auto write = [=](const void* value) {
    std::vector<std::string> words;
    for (const T& element : *static_cast<const std::vector<T>*>(value)) words.push_back(codec.write(&element));
    return bracketed(words);
  };
  return {{"list of distinct values, or one: " + codec.allowed, read, write}};
}

/// The same, in ascending order.
[[nodiscard]] CodecOf<std::vector<int>> ascending(const CodecOf<std::vector<int>>& codec);

/// `true` or `false`.
[[nodiscard]] CodecOf<bool> boolean();
/// Any text that is not empty.
[[nodiscard]] CodecOf<std::string> word();
/// A path, made absolute from the folder of its origin. In this and all other paths `~` in front, `$NAME` and `${NAME}`
/// are expanded, `$$` is a `$`; a variable that is not set or empty is a `UsageError`.
[[nodiscard]] CodecOf<std::filesystem::path> file_path();
/// The same, or the name of known weights, which stands for their file in the folder for weights: a `UsageError` with
/// the command that fetches them where it is not there. A file of that name goes first.
[[nodiscard]] CodecOf<std::filesystem::path> weights_path();
/// A path that stays as written.
[[nodiscard]] CodecOf<std::filesystem::path> path_as_written();
/// A name (letters, digits, - and _ only), kept and hashed as it is; or the path of a file, made absolute, of which
/// only the presence is hashed.
[[nodiscard]] CodecOf<std::filesystem::path> name_or_path();
/// `FILE` or `FILE:/dataset`, the file's path made absolute.
[[nodiscard]] CodecOf<std::string> hdf5_dataset();
/// `null`, a number of classes, or the path of a file, of which only the presence is hashed.
[[nodiscard]] CodecOf<ClassSource> class_source();
/// One integer for both sides, or [rows, cols].
[[nodiscard]] CodecOf<PixelSize> pixel_size();
/// A list of three numbers.
[[nodiscard]] CodecOf<std::array<double, 3>> three_numbers(const CodecOf<double>& element);
/// Bytes: an integer, or one with KiB, MiB, GiB or TiB behind it.
[[nodiscard]] CodecOf<std::int64_t> byte_count();

}  // namespace datus
