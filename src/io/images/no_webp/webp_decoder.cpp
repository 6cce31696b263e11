// SPDX-License-Identifier: Apache-2.0
#include "io/images/webp_decoder.hpp"

#include "io/images/byte_view.hpp"

namespace datus::io_detail {
namespace {

[[noreturn]] void refuse() {
  throw FormatError("this build of datus reads no WebP");
}

}  // namespace

std::string webp_library() {
  return {};
}

std::optional<StoredPicture> webp_picture(std::span<const std::uint8_t> /*bytes*/) {
  refuse();
}

Image decode_webp(std::span<const std::uint8_t> /*bytes*/, const ParsedHeader& /*header*/) {
  refuse();
}

}  // namespace datus::io_detail
