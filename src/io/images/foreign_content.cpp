// SPDX-License-Identifier: Apache-2.0
#include "io/images/foreign_content.hpp"

#include "io/images/byte_view.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <string>

namespace datus::io_detail {
namespace {

using namespace std::string_view_literals;

struct Sign {
  std::size_t offset;
  std::string_view magic;
  std::string_view content;
};

/// The first that fits counts.
constexpr std::array signs = {
    Sign{8, "WEBP"sv, "a WebP image"},
    Sign{0, "GIF8"sv, "a GIF image"},
    Sign{0, "II*\0"sv, "a TIFF or raw image"},
    Sign{0, "MM\0*"sv, "a TIFF or raw image"},
    Sign{0, "II+\0"sv, "a TIFF image"},
    Sign{0, "MM\0+"sv, "a TIFF image"},
    Sign{4, "ftypavif"sv, "an AVIF image"},
    Sign{4, "ftypavis"sv, "an AVIF image"},
    Sign{4, "ftyphe"sv, "a HEIC image"},
    Sign{4, "ftypmif1"sv, "a HEIC image"},
    Sign{4, "ftypmsf1"sv, "a HEIC image"},
    Sign{4, "ftyp"sv, "a film (MP4 or QuickTime)"},
    Sign{4, "jP  "sv, "a JPEG 2000 image"},
    Sign{4, "JXL "sv, "a JPEG XL image"},
    Sign{0, "\xff\x0a"sv, "a JPEG XL image"},
    Sign{0, "8BPS"sv, "a Photoshop image"},
    Sign{0, "%PDF"sv, "a PDF document"},
    Sign{0, "version https://git-lfs"sv, "a pointer of Git LFS; 'git lfs pull' fetches the image"},
};

std::string_view kind_of_text(std::span<const std::uint8_t> bytes) {
  constexpr std::size_t enough = 512;
  constexpr std::string_view blanks = "\t\n\f\r ";
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  std::string text(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(std::min(bytes.size(), enough)));
  if (text.starts_with(byte_order_mark)) text.erase(0, byte_order_mark.size());
  text.erase(0, text.find_first_not_of(blanks));
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (text.starts_with("<!doctype html") || text.starts_with("<html")) return "a web page (HTML)";
  const auto is_character = [&](char c) { return (c >= ' ' && c <= '~') || blanks.find(c) != std::string_view::npos; };
  return std::ranges::all_of(text, is_character) ? "text" : "";
}

}  // namespace

std::string_view foreign_content(std::span<const std::uint8_t> bytes) {
  const ByteView view(bytes);
  const auto sign =
      std::ranges::find_if(signs, [&](const Sign& one) { return view.starts_with(one.magic, one.offset); });
  return sign != signs.end() ? sign->content : kind_of_text(bytes);
}

}  // namespace datus::io_detail
