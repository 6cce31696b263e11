// SPDX-License-Identifier: Apache-2.0
#include "model/weights/weight_parts.hpp"

#include "model/weights/damaged_file.hpp"
#include "model/weights/json_file.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>
#include <system_error>

namespace datus {
namespace {

using nlohmann::json;

/// A name that stays in its folder, whatever it is put behind.
bool is_plain_name(std::string_view name) {
  const auto bad = [](char c) { return c == '/' || c == '\\' || static_cast<unsigned char>(c) < 0x20; };
  return !name.empty() && name != "." && name != ".." && name.size() <= 255 && std::ranges::none_of(name, bad);
}

/// Names that count themselves must be complete: an index that was cut or edited would leave out parts.
void check_count(const std::map<std::string, std::string>& part_of, const std::string& source) {
  std::set<std::string_view> names;
  for (const auto& [tensor, part] : part_of) names.insert(part);
  for (const std::string_view name : names) {
    const auto parsed = parse_part_name(std::string(name));
    if (!parsed || static_cast<std::size_t>(parsed->count) == names.size()) continue;
    throw_damaged(source, "it names " + std::to_string(names.size()) + " parts, but one is " + std::string(name));
  }
}

}  // namespace

bool looks_like_parts_index(std::span<const std::byte> bytes) noexcept {
  constexpr std::size_t length_bytes = 8;
  const auto head = bytes.first(std::min(length_bytes, bytes.size()));
  return !head.empty() && head.front() == std::byte{'{'} && std::ranges::find(head, std::byte{0}) == head.end();
}

std::map<std::string, std::string> read_parts_index(std::span<const std::byte> bytes, const std::string& source) {
  const json index = parse_weights_json(bytes, "the index", source);
  const auto map = index.is_object() ? index.find("weight_map") : index.end();
  if (map == index.end() || !map->is_object()) throw_damaged(source, "it is JSON, but no index: it has no weight_map");
  if (map->empty()) throw_damaged(source, "its weight_map is empty");
  std::map<std::string, std::string> part_of;
  for (const auto& [tensor, part] : map->items()) {
    if (!part.is_string()) throw_damaged(source, "its weight_map names no file for tensor " + tensor);
    const auto& name = part.get_ref<const std::string&>();
    if (!is_plain_name(name)) {
      throw_damaged(source, "its weight_map puts tensor " + tensor + " into " + printable(name) +
                                ", which is not the name of a file in the same folder");
    }
    part_of.emplace(tensor, name);
  }
  check_count(part_of, source);
  return part_of;
}

std::optional<PartName> parse_part_name(const std::string& name) {
  constexpr std::string_view of = "-of-";
  constexpr std::size_t digits = 5;
  const std::size_t middle = name.find(of);
  if (middle == std::string::npos || middle < digits + 1 || name[middle - digits - 1] != '-') return std::nullopt;
  const std::string_view text = name;
  PartName result{name.substr(0, middle - digits - 1), 0, 0, ""};
  const auto number = [&](std::size_t at, int& to) {
    if (at + digits > text.size()) return false;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + at + digits, to);
    return error == std::errc{} && end == text.data() + at + digits && to >= 0;
  };
  if (!number(middle - digits, result.number) || !number(middle + of.size(), result.count)) return std::nullopt;
  result.extension = name.substr(middle + of.size() + digits);
  if (!result.extension.starts_with('.')) return std::nullopt;
  return result;
}

}  // namespace datus
