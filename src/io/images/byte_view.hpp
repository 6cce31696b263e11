// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string_view>

namespace datus::io_detail {

/// Why bytes are not the image they should be. The functions that know the file's name turn it into
/// an `InputError`.
class FormatError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Read access to bytes of unknown quality: every access is checked, reading past the end is a
/// `FormatError`.
class ByteView {
 public:
  explicit ByteView(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  [[nodiscard]] bool has(std::size_t offset, std::size_t count) const noexcept {
    return offset <= bytes_.size() && count <= bytes_.size() - offset;
  }
  [[nodiscard]] std::span<const std::uint8_t> part(std::size_t offset, std::size_t count) const {
    if (!has(offset, count)) throw FormatError("the file is truncated");
    return bytes_.subspan(offset, count);
  }
  [[nodiscard]] bool starts_with(std::string_view magic, std::size_t offset = 0) const noexcept {
    if (!has(offset, magic.size())) return false;
    for (std::size_t i = 0; i < magic.size(); ++i) {
      if (bytes_[offset + i] != static_cast<std::uint8_t>(magic[i])) return false;
    }
    return true;
  }

  [[nodiscard]] std::uint32_t byte(std::size_t offset) const { return part(offset, 1)[0]; }
  [[nodiscard]] std::uint32_t big16(std::size_t offset) const { return big(offset, 2); }
  [[nodiscard]] std::uint32_t big32(std::size_t offset) const { return big(offset, 4); }
  [[nodiscard]] std::uint32_t little16(std::size_t offset) const { return little(offset, 2); }
  [[nodiscard]] std::uint32_t little32(std::size_t offset) const { return little(offset, 4); }

 private:
  [[nodiscard]] std::uint32_t big(std::size_t offset, std::size_t count) const {
    std::uint32_t value = 0;
    for (const std::uint8_t digit : part(offset, count)) value = value << 8U | digit;
    return value;
  }
  [[nodiscard]] std::uint32_t little(std::size_t offset, std::size_t count) const {
    const auto digits = part(offset, count);
    std::uint32_t value = 0;
    for (std::size_t i = count; i-- > 0;) value = value << 8U | digits[i];
    return value;
  }

  std::span<const std::uint8_t> bytes_;
};

}  // namespace datus::io_detail
