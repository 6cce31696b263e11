// SPDX-License-Identifier: Apache-2.0
#include "config/codec.hpp"

#include "config/value_codec.hpp"

#include <cstring>
#include <sstream>

namespace datus {
namespace {

template <class T>
CodecOf<T> number_codec(std::string allowed, std::function<bool(T)> accepts) {
  const auto parse = [accepts = std::move(accepts)](const RawValue& value) -> std::optional<T> {
    const std::string* text = plain_scalar(value);
    const auto result = text ? parse_number<T>(*text) : std::nullopt;
    return result && accepts(*result) ? result : std::nullopt;
  };
  return codec_of<T>(std::move(allowed), parse, print_number<T>);
}

/// The words for people.
std::string quoted_words(std::vector<std::string> words) {
  for (std::string& word : words) word = "`" + word + "`";
  return joined(words, ", ") + (words.size() == 1 ? " (no other is built yet)" : "");
}

/// The index of the word that was written; nothing for another one.
std::optional<std::size_t> index_in(const std::vector<std::string>& words, const RawValue& value) {
  if (value.is_list || value.items.size() != 1) return std::nullopt;
  const auto found = std::find(words.begin(), words.end(), value.items.front().text);
  if (found == words.end()) return std::nullopt;
  return static_cast<std::size_t>(found - words.begin());
}

}  // namespace

template <class T>
CodecOf<T> number(const char* allowed, bool (*accepts)(T)) {
  return number_codec<T>(allowed, accepts);
}
template CodecOf<int> number(const char*, bool (*)(int));
template CodecOf<double> number(const char*, bool (*)(double));

template <class T>
CodecOf<T> any_number() {
  return number_codec<T>("number", [](T) { return true; });
}
template CodecOf<float> any_number();
template CodecOf<double> any_number();

CodecOf<double> positive_number() {
  return number<double>("number above 0", [](double value) { return value > 0; });
}

template <class T>
CodecOf<T> integer(T least, T most) {
  std::string allowed = "integer";
  if (most != std::numeric_limits<T>::max()) {
    allowed += " from " + std::to_string(least) + " to " + std::to_string(most);
  } else if (least != std::numeric_limits<T>::min() || least == 0) {
    allowed += " of at least " + std::to_string(least);
  }
  return number_codec<T>(allowed, [least, most](T value) { return value >= least && value <= most; });
}
template CodecOf<int> integer(int, int);
template CodecOf<std::int64_t> integer(std::int64_t, std::int64_t);
template CodecOf<std::uint64_t> integer(std::uint64_t, std::uint64_t);

Codec choice_of_numbers(std::vector<std::pair<std::string, int>> names) {
  std::vector<std::string> words;
  for (const auto& [name, number] : names) words.push_back(name);
  // An enumerator has the bytes of an int, but is none.
  const auto read = [words, names](const RawValue& raw, void* value) {
    const auto index = index_in(words, raw);
    if (index) std::memcpy(value, &names[*index].second, sizeof(int));
    return index.has_value();
  };
  const auto write = [names](const void* value) {
    int number = 0;
    std::memcpy(&number, value, sizeof number);
    const auto found =
        std::find_if(names.begin(), names.end(), [&](const auto& name) { return name.second == number; });
    return found == names.end() ? std::string() : found->first;
  };
  return {quoted_words(words), read, write};
}

CodecOf<std::string> one_of(std::vector<std::string> words) {
  const auto parse = [words](const RawValue& value) {
    const auto index = index_in(words, value);
    return index ? std::optional(words[*index]) : std::nullopt;
  };
  return codec_of<std::string>(quoted_words(words), parse, [](const std::string& value) { return value; });
}

CodecOf<bool> boolean() {
  const auto parse = [](const RawValue& value) {
    const auto index = index_in({"false", "true"}, value);
    return index ? std::optional(*index == 1) : std::nullopt;
  };
  return codec_of<bool>("`true`, `false`", parse, [](bool value) { return value ? "true" : "false"; });
}

bool is_word(const RawValue& raw, const std::string& word) {
  if (raw.is_list || raw.items.size() != 1) return false;
  const RawValue::Item& item = raw.items.front();
  return item.text == word && !(item.quoted && word == "null");
}

std::vector<RawValue> elements_of(const RawValue& raw) {
  std::vector<RawValue> elements;
  const auto add = [&](const std::string& text, bool quoted) {
    elements.push_back({{{text, quoted}}, false, raw.origin, raw.folder});
  };
  for (const RawValue::Item& item : raw.items) {
    if (raw.is_list || item.quoted) {
      add(item.text, item.quoted);
      continue;
    }
    // Without brackets: "20, 27".
    std::istringstream words(item.text);
    for (std::string word; std::getline(words, word, ',');) {
      const auto first = word.find_first_not_of(' ');
      add(first == std::string::npos ? "" : word.substr(first, word.find_last_not_of(' ') + 1 - first), false);
    }
    if (item.text.ends_with(',')) add("", false);
  }
  return elements;
}

CodecOf<std::vector<int>> ascending(const CodecOf<std::vector<int>>& codec) {
  auto result = codec;
  result.read = [codec](const RawValue& raw, void* value) {
    if (!codec.read(raw, value)) return false;
    auto& list = *static_cast<std::vector<int>*>(value);
    std::sort(list.begin(), list.end());
    return true;
  };
  return result;
}

}  // namespace datus
