// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace datus::io_detail {

/// Decompresses the zlib stream that `bytes` begin with and that must give as many bytes as `to` has, compared with its
/// checksum. Returns the length of the stream; nothing where it is damaged or of another size.
[[nodiscard]] std::optional<std::size_t> inflate(std::span<const std::byte> bytes, std::span<std::byte> to);

}  // namespace datus::io_detail
