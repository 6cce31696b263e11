// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/images/byte_view.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace datus::io_detail {

/// One marker segment of a JPEG file (ITU-T T.81, annex B).
struct JpegMarker {
  static constexpr std::uint32_t end_of_image = 0xD9;
  static constexpr std::uint32_t start_of_scan = 0xDA;
  static constexpr std::uint32_t app0 = 0xE0;
  static constexpr std::uint32_t app1 = 0xE1;
  static constexpr std::uint32_t app14 = 0xEE;

  std::uint32_t code = 0;                 ///< second byte of the marker
  std::span<const std::uint8_t> content;  ///< without the two bytes of the length; empty for markers without one

  /// Whether this is a frame header (SOF): it holds the size of the image.
  [[nodiscard]] bool is_frame() const noexcept {
    return code >= 0xC0 && code <= 0xCF && code != 0xC4 && code != 0xC8 && code != 0xCC;
  }
  /// Whether this is a frame header of an image whose scans have all coefficients: baseline, extended, arithmetic.
  [[nodiscard]] bool is_sequential_frame() const noexcept { return code == 0xC0 || code == 0xC1 || code == 0xC9; }
};

/// Walks over the markers of a JPEG file, from behind the start of the image to its end; the coded
/// pixels between them are skipped, and so are stray bytes, as libjpeg does.
class JpegMarkers {
 public:
  explicit JpegMarkers(ByteView bytes) : bytes_(bytes) {}

  /// The next segment; nothing when the bytes end first. After the end of the image, do not call it
  /// again.
  [[nodiscard]] std::optional<JpegMarker> next();

 private:
  ByteView bytes_;
  std::size_t at_ = 2;
};

}  // namespace datus::io_detail
