#pragma once

#include <string>
#include <string_view>

namespace datus {

/// A relative name without its extension: "a/b.c.jpg" gives "a/b.c". Masks, predictions and truth pair by it.
[[nodiscard]] std::string stem_of(std::string_view name);

/// A number with leading zeros, for file names that sort: (7, 3) gives "007".
[[nodiscard]] std::string zero_padded(long long value, int width);

}  // namespace datus
