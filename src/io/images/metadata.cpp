// SPDX-License-Identifier: Apache-2.0
#include "io/images/metadata.hpp"

#include "io/images/jpeg_markers.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <span>
#include <string_view>

#include <zlib.h>

namespace datus::io_detail {
namespace {

using namespace std::string_view_literals;

constexpr auto exif_magic = "Exif\0\0"sv;

std::string_view text_of(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A zlib stream of at most 4 MiB; empty for one that is damaged or larger.
std::string inflated(std::string_view packed) {
  std::string text(std::size_t{1} << 22U, '\0');
  uLongf size = text.size();
  const auto* from = reinterpret_cast<const Bytef*>(packed.data());
  const int status = uncompress(reinterpret_cast<Bytef*>(text.data()), &size, from, packed.size());
  text.resize(status == Z_OK ? size : 0);
  return text;
}

/// Takes what stands before the next zero off the front of `rest`.
std::string_view next_word(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\0'), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return word;
}

/// The text of a tEXt, zTXt or iTXt chunk, behind its keyword.
std::string chunk_text(std::string_view type, std::string_view rest) {
  if (type == "tEXt") return std::string(rest);
  const bool is_packed = type == "zTXt" || rest.starts_with('\1');
  rest.remove_prefix(std::min<std::size_t>(type == "zTXt" ? 1 : 2, rest.size()));  // flag and method
  if (type == "iTXt") {
    (void)next_word(rest);  // language
    (void)next_word(rest);  // keyword in it
  }
  return is_packed ? inflated(rest) : std::string(rest);
}

/// The bytes of ImageMagick's "\nexif\n    8\n4578…": hexadecimal digits behind three lines. Empty where they are none.
std::vector<std::uint8_t> raw_profile(std::string_view text) {
  for (int line = 0; line < 3; ++line) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  std::string digits;
  std::ranges::copy_if(text, std::back_inserter(digits), [](unsigned char c) { return std::isspace(c) == 0; });
  std::vector<std::uint8_t> bytes(digits.size() / 2);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char* const first = digits.data() + 2 * i;
    if (std::from_chars(first, first + 2, bytes[i], 16).ptr != first + 2) return {};
  }
  return bytes;
}

}  // namespace

std::optional<Metadata> jpeg_metadata(const ByteView& bytes) {
  constexpr auto xmp_magic = "http://ns.adobe.com/xap/1.0/\0"sv;
  Metadata found;
  JpegMarkers markers(bytes);
  while (const auto marker = markers.next()) {
    if (marker->code == JpegMarker::start_of_scan || marker->code == JpegMarker::end_of_image) return found;
    if (marker->code != JpegMarker::app1) continue;
    const ByteView content(marker->content);
    if (content.starts_with(exif_magic)) {  // a long one goes on in the next segment
      const std::size_t skipped = found.exif.empty() ? 0 : exif_magic.size();
      found.exif.insert(found.exif.end(), marker->content.begin() + static_cast<std::ptrdiff_t>(skipped),
                        marker->content.end());
    } else if (content.starts_with(xmp_magic)) {
      found.xmp = text_of(marker->content).substr(xmp_magic.size());
    }
  }
  return std::nullopt;
}

std::optional<Metadata> png_metadata(const ByteView& bytes) {
  constexpr std::size_t first_chunk = 8;
  Metadata found;
  std::vector<std::uint8_t> profile;
  for (std::size_t chunk = first_chunk; bytes.has(chunk, 8);) {
    const std::size_t size = bytes.big32(chunk);
    const std::string_view type = text_of(bytes.part(chunk + 4, 4));
    if (!bytes.has(chunk + 8, size)) return std::nullopt;
    const auto content = bytes.part(chunk + 8, size);
    if (type == "eXIf") {
      found.exif.assign(content.begin(), content.end());
    } else if (type == "tEXt" || type == "zTXt" || type == "iTXt") {
      std::string_view rest = text_of(content);
      const std::string_view keyword = next_word(rest);
      if (keyword == "Raw profile type exif") profile = raw_profile(chunk_text(type, rest));
      if (keyword == "XML:com.adobe.xmp") found.xmp = chunk_text(type, rest);
    } else if (type == "IEND") {
      if (found.exif.empty()) found.exif = std::move(profile);
      return found;
    }
    chunk += 8 + size + 4;
  }
  return std::nullopt;
}

std::optional<Metadata> webp_metadata(const ByteView& bytes) {
  constexpr std::size_t first_chunk = 12;
  constexpr std::size_t flags_place = 20;
  constexpr std::uint32_t xmp_flag = 4;
  constexpr std::uint32_t exif_flag = 8;
  Metadata found;
  if (!bytes.starts_with("VP8X", first_chunk)) return found;
  const std::uint32_t flags = bytes.byte(flags_place);
  if ((flags & (xmp_flag | exif_flag)) == 0) return found;
  const std::size_t end = std::size_t{8} + bytes.little32(4);
  if (end > bytes.size()) return std::nullopt;
  for (std::size_t chunk = first_chunk; bytes.has(chunk, 8) && chunk < end;) {
    const std::size_t size = bytes.little32(chunk + 4);
    if (!bytes.has(chunk + 8, size)) break;
    const auto content = bytes.part(chunk + 8, size);
    if ((flags & exif_flag) != 0 && bytes.starts_with("EXIF", chunk)) found.exif.assign(content.begin(), content.end());
    if ((flags & xmp_flag) != 0 && bytes.starts_with("XMP ", chunk)) found.xmp = text_of(content);
    chunk += 8 + size + size % 2;
  }
  return found;
}

}  // namespace datus::io_detail
