// SPDX-License-Identifier: Apache-2.0
#pragma once

// Damage to weights files, drawn from a seed: of what disks and networks do, and of what someone hostile would write.

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace datus::test {

/// Pieces to put into pickles. Those that repeat are bombs: much work or memory for few bytes.
inline std::vector<std::string> hostile_pickles() {
  const auto repeat = [](const std::string& piece, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += piece;
    return text;
  };
  using namespace std::string_literals;
  return {repeat("(", 3000),  // nesting
          repeat("]", 3000),
          "]"s + repeat("\x85", 5000),
          "]"s + repeat("2", 5000),                 // the same value again and again
          "]q\x01"s + repeat("h\x01", 3000) + "e",  // a list full of itself
          "}q\x01"s + repeat("h\x01h\x01s", 1000),  // a dictionary that is its own key
          "cos\nsystem\n"s + repeat(")R", 2000),    // calls of calls
          repeat("ctorch._utils\n_rebuild_parameter\n", 300) + "N" + repeat("\x85R", 300),
          "ctorch._tensor\n_rebuild_from_type_v2\n]q\x07(ctorch._tensor\n_rebuild_from_type_v2\nNh\x07"
          "eR"s,
          "\x8b\xff\xff\xff\x7f"s,  // LONG4, BINUNICODE8, BINBYTES8, BYTEARRAY8 of huge lengths
          "\x8b\x00\x00\x00\x80"s,
          "\x8d\xff\xff\xff\xff\xff\xff\xff\xff"s,
          "\x8e\xff\xff\xff\xff\xff\xff\xff\x7f"s,
          "\x96\x00\x00\x00\x00\x00\x00\x00\x80"s,
          "X\xff\xff\xff\xff"s,
          "\x95\xff\xff\xff\xff\xff\xff\xff\xff"s,  // FRAME
          "r\xff\xff\xff\xff"s,                     // LONG_BINPUT, LONG_BINGET
          "j\xff\xff\xff\xff"s,
          "\x82\x01"s,
          "\x83\x01\x01"s,
          "\x84\x01\x01\x01\x01"s,
          "ios\nsystem\n"s,
          "o"s,
          "P0\n"s,
          "b"s,
          "\x81"s,
          "\x92"s,
          "\x93"s,
          "Q"s,
          "R"s,
          "s"s,
          "u"s,
          "e"s,
          "a"s,
          "0"s,
          "1"s,
          "2"s,
          "."s,
          "t"s,
          "d"s,
          "l"s,
          "N"s,
          "\x94"s,
          "cos\nsystem\nX\x02\0\0\0ls\x85R"s,
          "ctorch\nIntStorage\n"s,
          "ctorch\nDoubleStorage\n"s,
          "ctorch\nUntypedStorage\n"s,
          "ctorch\nfloat32\n"s,
          "J\xff\xff\xff\xff"s,
          "J\xff\xff\xff\x7f"s,
          "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"s,
          "\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80"s,
          "\x8a\x08\x01\x00\x00\x00\x00\x00\x00\x40"s,
          "(X\x01\0\0\0vK\x02K\x7ft"s};
}

/// Pieces to put into JSON.
inline std::vector<std::string> hostile_json() {
  using namespace std::string_literals;
  return {std::string(5000, '['),
          std::string(5000, '{'),
          std::string(9000, '9'),
          "1e999999999"s,
          "-1"s,
          "-0"s,
          "0.5"s,
          "18446744073709551615"s,
          "18446744073709551616"s,
          "9223372036854775807"s,
          "4611686018427387904"s,
          "4294967296"s,
          "null"s,
          "true"s,
          "\"\""s,
          "\"\\u0000\""s,
          "\"\\ud800\""s,
          "\"\xff\xfe\""s,
          "\"" + std::string(9000, 'x') + "\"",
          "\"../../etc/passwd\""s,
          "\"/dev/zero\""s,
          "\"..\""s,
          "\"F64\""s,
          "\"F8_E5M2\""s,
          "\"BOOL\""s,
          "\"F4\""s,
          "[]"s,
          "{}"s,
          ","s,
          ":"s,
          "\\"s,
          "\n"s,
          "\0"s,
          "\x1b[31m"s,
          "\"__metadata__\":{\"a\":1},"s,
          "\"weight_map\":{\"a\":\"model-00001-of-00002.safetensors\"},"s,
          "\"model.safetensors.index.json\""s};
}

/// Draws damage to one text. The same seed gives the same damage.
class WeightMutator {
 public:
  explicit WeightMutator(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] std::size_t below(std::size_t end) { return end == 0 ? 0 : random_() % end; }

  /// One change, and what it was.
  std::string change(std::string& bytes) {
    static const std::vector<std::string> pickles = hostile_pickles();
    static const std::vector<std::string> json = hostile_json();
    const std::size_t at = place(bytes);
    const std::string where = " at " + std::to_string(at);
    switch (below(12)) {
      case 0:
        if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ static_cast<char>(1U << below(8)));
        return "a bit" + where;
      case 1:
        if (at < bytes.size()) bytes[at] = static_cast<char>(below(256));
        return "a byte" + where;
      case 2:
        return write_number(bytes, at) + where;
      case 3:
        bytes.resize(at);
        return "cut" + where;
      case 4:
        bytes.erase(at, length());
        return "bytes lost" + where;
      case 5:
        bytes.insert(at, bytes.substr(below(bytes.size() + 1), length()));
        return "bytes inserted" + where;
      case 6: {
        const std::string piece = bytes.substr(below(bytes.size() + 1), length());
        bytes.replace(at, piece.size(), piece);
        return "bytes from elsewhere" + where;
      }
      case 7:
        bytes.replace(at, length(), std::string(length(), below(2) == 0 ? '\0' : '\xff'));
        return "zeros or ones" + where;
      case 8:
        return exchange_digits(bytes);
      case 9:
        return exchange_values(bytes);
      case 10:
        return put(bytes, at, pickles) + " of pickles" + where;
      default:
        return put(bytes, at, json) + " of JSON" + where;
    }
  }

 private:
  /// Anywhere, or more often near the ends, where the structure is.
  std::size_t place(const std::string& bytes) {
    const std::size_t end = bytes.size() + 1;
    const std::size_t near = below(std::min<std::size_t>(end, 400));
    switch (below(3)) {
      case 0:
        return near;
      case 1:
        return bytes.size() - near;
      default:
        return below(end);
    }
  }

  std::size_t length() { return std::size_t{1} + below(std::size_t{1} << below(9)); }

  /// Numbers that are too large, or just too large.
  std::string write_number(std::string& bytes, std::size_t at) {
    const std::array<std::uint64_t, 12> numbers{0,
                                                1,
                                                bytes.size(),
                                                bytes.size() - at,
                                                bytes.size() + 1,
                                                0x7FFFFFFF,
                                                0x80000000,
                                                0xFFFFFFFF,
                                                std::uint64_t{1} << 62U,
                                                std::uint64_t{1} << 63U,
                                                ~std::uint64_t{0},
                                                below(70000)};
    const std::size_t size = std::size_t{1} << below(4);
    std::uint64_t number = numbers[below(numbers.size())];
    for (std::size_t i = 0; i < size && at + i < bytes.size(); ++i, number >>= 8U) {
      bytes[at + i] = static_cast<char>(number & 0xFFU);
    }
    return "a number of " + std::to_string(size) + " bytes";
  }

  /// Exchanges two of the text's numbers in decimal digits: offsets and sizes of JSON.
  std::string exchange_digits(std::string& bytes) {
    std::vector<std::pair<std::size_t, std::size_t>> numbers;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      std::size_t end = i;
      while (end < bytes.size() && bytes[end] >= '0' && bytes[end] <= '9') ++end;
      if (end > i) numbers.emplace_back(i, end - i);
      i = std::max(i, end);
    }
    if (numbers.size() < 2) return "nothing";
    auto a = numbers[below(numbers.size())];
    auto b = numbers[below(numbers.size())];
    if (a.first == b.first) return "nothing";
    if (b.first < a.first) std::swap(a, b);
    const std::string first = bytes.substr(a.first, a.second);
    const std::string second = bytes.substr(b.first, b.second);
    bytes.replace(b.first, b.second, first);
    bytes.replace(a.first, a.second, second);
    return "numbers exchanged at " + std::to_string(a.first) + " and " + std::to_string(b.first);
  }

  /// Exchanges two runs of the same length: words of a directory, values of a pickle.
  std::string exchange_values(std::string& bytes) {
    const std::size_t size = std::size_t{1} << below(6);
    if (bytes.size() < 2 * size) return "nothing";
    const std::size_t a = below(bytes.size() - size + 1);
    const std::size_t b = below(bytes.size() - size + 1);
    std::string piece = bytes.substr(a, size);
    bytes.replace(a, size, bytes.substr(b, size));
    bytes.replace(b, size, piece);
    return "runs exchanged at " + std::to_string(a) + " and " + std::to_string(b);
  }

  std::string put(std::string& bytes, std::size_t at, const std::vector<std::string>& pieces) {
    const std::size_t number = below(pieces.size());
    if (below(2) == 0) {
      bytes.insert(at, pieces[number]);
    } else {
      bytes.replace(at, pieces[number].size(), pieces[number]);
    }
    return "piece " + std::to_string(number);
  }

  std::mt19937_64 random_;
};

}  // namespace datus::test
