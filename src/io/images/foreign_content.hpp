// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace datus::io_detail {

/// What the first bytes of a file say that is no image which this build reads: "a WebP image", "text"; empty when they
/// say nothing.
[[nodiscard]] std::string_view foreign_content(std::span<const std::uint8_t> bytes);

}  // namespace datus::io_detail
