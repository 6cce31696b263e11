// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/codec.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace datus {

template <class T>
using Parse = std::function<std::optional<T>(const RawValue&)>;
template <class T>
using Print = std::function<std::string(const T&)>;

/// A codec of functions that know the type: `parse` gives nothing when the value is not allowed, `print` and
/// `canonical` are `write` and `canonical`.
template <class T>
CodecOf<T> codec_of(std::string allowed, Parse<T> parse, Print<T> print, Print<T> canonical) {
  const auto of_value = [](Print<T> text) -> std::function<std::string(const void*)> {
    return [text = std::move(text)](const void* value) { return text(*static_cast<const T*>(value)); };
  };
  const auto read = [parse = std::move(parse)](const RawValue& raw, void* value) {
    std::optional<T> parsed = parse(raw);
    if (!parsed) return false;
    *static_cast<T*>(value) = *std::move(parsed);
    return true;
  };
  return {{std::move(allowed), read, of_value(std::move(print)), of_value(std::move(canonical))}};
}
template <class T>
CodecOf<T> codec_of(std::string allowed, Parse<T> parse, Print<T> print) {
  return codec_of<T>(std::move(allowed), std::move(parse), print, print);
}

/// What the codec reads; nothing when the value is not allowed.
template <class T>
std::optional<T> parsed(const CodecOf<T>& codec, const RawValue& raw) {
  T value{};
  return codec.read(raw, &value) ? std::optional(value) : std::nullopt;
}

/// The one unquoted scalar that a number can be read from, or null.
inline const std::string* plain_scalar(const RawValue& value) {
  if (value.is_list || value.items.size() != 1 || value.items.front().quoted) return nullptr;
  return &value.items.front().text;
}

/// The whole text as a number, finite, with +0 for -0; nothing when it is none.
template <class T>
std::optional<T> parse_number(const std::string& text) {
  T number{};
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, number);
  if (code != std::errc{} || stop != end) return std::nullopt;
  if constexpr (std::is_floating_point_v<T>) {
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

}  // namespace datus
