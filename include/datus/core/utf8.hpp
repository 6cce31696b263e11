// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace datus {

/// Bytes of the UTF-8 sequence that `text`, which is not empty, starts with; 0 when it is none. RFC 3629: no overlong
/// forms, no surrogates, nothing above U+10FFFF.
[[nodiscard]] std::size_t utf8_sequence(std::string_view text);

/// Whether `text` is UTF-8, as names are stored in files.
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace datus
