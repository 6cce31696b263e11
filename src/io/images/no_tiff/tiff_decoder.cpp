// SPDX-License-Identifier: Apache-2.0
#include "io/images/tiff_decoder.hpp"

#include "io/images/byte_view.hpp"

namespace datus::io_detail {
namespace {

[[noreturn]] void refuse() {
  throw FormatError("this build of datus reads no TIFF");
}

}  // namespace

std::string tiff_library() {
  return {};
}

StoredPicture tiff_picture(std::span<const std::uint8_t> /*bytes*/) {
  refuse();
}

Metadata tiff_metadata(std::span<const std::uint8_t> /*bytes*/) {
  refuse();
}

Image decode_tiff(std::span<const std::uint8_t> /*bytes*/, const ParsedHeader& /*header*/) {
  refuse();
}

}  // namespace datus::io_detail
