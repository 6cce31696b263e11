// SPDX-License-Identifier: Apache-2.0
#include "io/images/jpeg_markers.hpp"

#include <algorithm>

namespace datus::io_detail {
namespace {

/// Codes that stand inside coded pixels: a stuffed zero, a restart marker, TEM.
bool is_within_scan(std::uint32_t code) {
  return code <= 0x01 || (code >= 0xD0 && code <= 0xD7);
}

}  // namespace

std::optional<JpegMarker> JpegMarkers::next() {
  const auto all = bytes_.part(0, bytes_.size());
  while (true) {
    const auto found = std::find(all.begin() + static_cast<std::ptrdiff_t>(at_), all.end(), 0xFF);
    at_ = static_cast<std::size_t>(found - all.begin()) + 1;
    if (at_ >= all.size()) return std::nullopt;
    const std::uint32_t code = all[at_];
    if (code == 0xFF || is_within_scan(code)) continue;
    ++at_;
    if (code == JpegMarker::end_of_image || code == 0xD8) return JpegMarker{code, {}};
    if (!bytes_.has(at_, 2)) return std::nullopt;
    const std::size_t size = bytes_.big16(at_);
    if (size < 2) throw FormatError("a JPEG segment has an impossible length");
    if (!bytes_.has(at_, size)) return std::nullopt;
    const JpegMarker marker{code, bytes_.part(at_ + 2, size - 2)};
    at_ += size;
    return marker;
  }
}

}  // namespace datus::io_detail
