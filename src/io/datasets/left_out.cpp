// SPDX-License-Identifier: Apache-2.0
#include "io/datasets/left_out.hpp"

#include "datus/core/text.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <utility>
#include <vector>

namespace datus::io_detail {
namespace {

constexpr std::array<std::string_view, 14> usual_company = {".txt", ".md",   ".json", ".csv", ".tsv", ".yaml", ".yml",
                                                            ".xml", ".html", ".log",  ".h5",  ".py",  ".sh",   ".db"};

/// ".gif" of "a.GIF"; empty where there is none, or nothing that could be the name of a type.
std::string ending_of(std::string_view name) {
  constexpr std::size_t longest = 12;
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || name.size() - dot < 2 || name.size() - dot > longest) return {};
  std::string ending(name.substr(dot));
  for (char& c : ending) {
    if (c != '.' && std::isalnum(static_cast<unsigned char>(c)) == 0) return {};
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return ending;
}

}  // namespace

void LeftOut::add_file(std::string_view name) {
  const std::string ending = ending_of(name);
  add(ending.empty() ? "untyped file" : ending);
}

std::string LeftOut::text(bool all) const {
  constexpr std::size_t most_kinds = 8;
  std::vector<std::pair<std::string, std::int64_t>> counts;
  for (const auto& one : count_of_) {
    if (all || std::ranges::find(usual_company, one.first) == usual_company.end()) counts.push_back(one);
  }
  std::ranges::stable_sort(counts, std::ranges::greater(), &std::pair<std::string, std::int64_t>::second);
  std::string text;
  std::int64_t others = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto& [thing, count] = counts[i];
    if (i >= most_kinds) {
      others += count;
      continue;
    }
    text += text.empty() ? "" : ", ";
    text += thing.starts_with('.') ? std::to_string(count) + " " + thing : counted(count, thing);
  }
  if (others > 0) text += ", " + counted(others, "other");
  return text;
}

}  // namespace datus::io_detail
