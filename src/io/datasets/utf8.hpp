// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace datus::io_detail {

/// Whether `text` is UTF-8, as names are stored in files.
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace datus::io_detail
