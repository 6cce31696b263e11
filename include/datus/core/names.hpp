// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace datus {

/// A relative name without its extension: "a/b.c.jpg" gives "a/b.c". Masks, predictions and truth pair by it.
[[nodiscard]] std::string stem_of(std::string_view name);

/// Whether `name` ends with one of `extensions` (lower case, with the dot), in any case, and is more than that.
[[nodiscard]] bool has_extension(std::string_view name, std::span<const std::string_view> extensions);

/// The file of an image's mask, below the folder of its K: "a/b.c.jpg" gives "a/b.c.png".
[[nodiscard]] std::string mask_name(std::string_view image_name);

/// A number with leading zeros, for file names that sort: (7, 3) gives "007".
[[nodiscard]] std::string zero_padded(long long value, int width);

}  // namespace datus
