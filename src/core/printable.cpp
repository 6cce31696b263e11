// SPDX-License-Identifier: Apache-2.0
#include "datus/core/printable.hpp"

#include "datus/core/utf8.hpp"

#include <array>
#include <cstdio>

namespace datus {
namespace {

/// The number of a character that is a UTF-8 sequence of one, two or three bytes; 0 for one of four, which all can be
/// printed.
unsigned code_point(std::string_view sequence) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(sequence[i])); };
  if (sequence.size() == 1) return byte(0);
  if (sequence.size() == 2) return (byte(0) & 0x1FU) << 6U | (byte(1) & 0x3FU);
  if (sequence.size() == 3) return (byte(0) & 0x0FU) << 12U | (byte(1) & 0x3FU) << 6U | (byte(2) & 0x3FU);
  return 0;
}

/// Whether a terminal does something else with it than print it.
bool is_obeyed(unsigned code) {
  const bool is_control = code < 0x20 || (code >= 0x7F && code < 0xA0);
  const bool ends_line = code == 0x2028 || code == 0x2029;
  const bool turns_direction = (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
  return is_control || ends_line || turns_direction;
}

std::string escape(unsigned code) {
  if (code == '\n') return "\\n";
  if (code == '\r') return "\\r";
  if (code == '\t') return "\\t";
  std::array<char, 8> text{};
  (void)std::snprintf(text.data(), text.size(), code < 0x100 ? "\\x%02x" : "\\u%04x", code);
  return text.data();
}

}  // namespace

std::string printable_line(std::string_view text, std::size_t longest) {
  std::string line;
  std::string_view rest = text.substr(0, longest);
  const std::size_t left_out = text.size() - rest.size();
  while (!rest.empty()) {
    const std::size_t size = utf8_sequence(rest);
    const std::string_view sequence = rest.substr(0, size == 0 ? 1 : size);
    const unsigned code = code_point(sequence);
    if (size == 0 || (size < 4 && is_obeyed(code))) {
      line += escape(code);
    } else {
      line += sequence;
    }
    rest.remove_prefix(sequence.size());
  }
  if (left_out > 0) line += "... (" + std::to_string(left_out) + " bytes more)";
  return line;
}

}  // namespace datus
