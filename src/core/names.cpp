// SPDX-License-Identifier: Apache-2.0
#include "datus/core/names.hpp"

#include <algorithm>
#include <cctype>

namespace datus {

std::string stem_of(std::string_view name) {
  const auto dot = name.rfind('.');
  const auto slash = name.rfind('/');
  const std::size_t first = slash == std::string_view::npos ? 0 : slash + 1;
  if (dot == std::string_view::npos || dot <= first) return std::string(name);
  return std::string(name.substr(0, dot));
}

bool has_extension(std::string_view name, std::span<const std::string_view> extensions) {
  const auto equals = [](char c, char lower) { return std::tolower(static_cast<unsigned char>(c)) == lower; };
  return std::any_of(extensions.begin(), extensions.end(), [&](std::string_view extension) {
    return name.size() > extension.size() && std::equal(extension.rbegin(), extension.rend(), name.rbegin(),
                                                        [&](char lower, char c) { return equals(c, lower); });
  });
}

std::string mask_name(std::string_view image_name) {
  return stem_of(image_name) + ".png";
}

std::string zero_padded(long long value, int width) {
  const std::string digits = std::to_string(value);
  const auto missing = std::max<std::size_t>(static_cast<std::size_t>(width), digits.size()) - digits.size();
  return std::string(missing, '0') + digits;
}

}  // namespace datus
