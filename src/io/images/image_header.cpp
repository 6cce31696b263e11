// SPDX-License-Identifier: Apache-2.0
#include "io/images/image_header.hpp"

#include "datus/core/text.hpp"
#include "datus/io/image_reader.hpp"
#include "io/disk/file_bytes.hpp"
#include "io/images/byte_view.hpp"
#include "io/images/foreign_content.hpp"
#include "io/images/jpeg_markers.hpp"
#include "io/images/tiff_decoder.hpp"
#include "io/images/webp_decoder.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <string>

namespace datus::io_detail {
namespace {

using namespace std::string_view_literals;

constexpr auto png_signature = "\x89PNG\r\n\x1a\n"sv;

ParsedHeader checked_size(ParsedHeader header, std::int64_t width, std::int64_t height) {
  const std::string size = dimensions_text(width, height) + " pixels";
  if (width <= 0 || height <= 0) throw FormatError("the image has no pixels: " + size);
  if (width > max_image_pixels / height) {
    throw FormatError("the image is too large: " + size + ", at most " + std::to_string(max_image_pixels));
  }
  header.width = static_cast<int>(width);
  header.height = static_cast<int>(height);
  return header;
}

std::optional<ParsedHeader> parse_jpeg(const ByteView& bytes) {
  ParsedHeader header{.type = ImageType::jpeg};
  std::int64_t width = 0;
  std::int64_t height = 0;
  bool has_frame = false;
  JpegMarkers markers(bytes);
  while (const auto marker = markers.next()) {
    const std::size_t size = marker->content.size();
    const ByteView content(marker->content);
    if (marker->is_frame() && !has_frame) {
      if (size < 6) throw FormatError("the JPEG frame header is too short");
      height = content.big16(1);
      width = content.big16(3);
      header.components = static_cast<int>(content.byte(5));
      has_frame = true;
    } else if (marker->code == JpegMarker::start_of_scan || marker->code == JpegMarker::end_of_image) {
      if (!has_frame) throw FormatError("the JPEG has no frame header");
      return checked_size(header, width, height);
    }
  }
  return std::nullopt;
}

/// By the colour type of the header: bits for a palette, for colours, and for alpha.
int png_components(unsigned colour_type) {
  constexpr unsigned palette = 3;
  if (colour_type == palette) return 1;
  return ((colour_type & 2U) != 0 ? 3 : 1) + ((colour_type & 4U) != 0 ? 1 : 0);
}

std::optional<ParsedHeader> parse_png(const ByteView& bytes) {
  constexpr std::size_t first_chunk = 8;
  constexpr std::size_t ihdr_size = 13;
  if (!bytes.has(first_chunk, 8 + ihdr_size)) return std::nullopt;
  if (!bytes.starts_with("IHDR", first_chunk + 4) || bytes.big32(first_chunk) != ihdr_size) {
    throw FormatError("the PNG header is damaged");
  }
  ParsedHeader header{.type = ImageType::png};
  header.components = png_components(bytes.byte(first_chunk + 17));
  return checked_size(header, bytes.big32(first_chunk + 8), bytes.big32(first_chunk + 12));
}

std::optional<ParsedHeader> parse_bmp(const ByteView& bytes) {
  constexpr std::size_t info = 14;
  if (!bytes.has(info, 12)) return std::nullopt;
  if (bytes.little32(info) < 40) throw FormatError("this kind of BMP header is not supported");
  const auto width = static_cast<std::int32_t>(bytes.little32(info + 4));
  const auto height = static_cast<std::int32_t>(bytes.little32(info + 8));
  // A negative height says that the rows run from top to bottom.
  return checked_size({.type = ImageType::bmp}, width, height < 0 ? -std::int64_t{height} : height);
}

std::optional<ParsedHeader> checked(ImageType type, const std::optional<StoredPicture>& picture) {
  if (!picture) return std::nullopt;
  return checked_size({.type = type, .has_more = picture->has_more}, picture->width, picture->height);
}

bool is_tiff(const ByteView& bytes) {
  constexpr std::array magics = {"II*\0"sv, "MM\0*"sv, "II+\0"sv, "MM\0+"sv};  // with +: BigTIFF
  return std::ranges::any_of(magics, [&](std::string_view magic) { return bytes.starts_with(magic); });
}

[[noreturn]] void refuse(std::span<const std::uint8_t> bytes) {
  const std::string types = readable_image_types(" or ");
  const std::string content(foreign_content(bytes));
  if (content.empty()) throw FormatError("the content is not that of a " + types + " image");
  throw FormatError("there is no " + types + " image in it, but " + content);
}

}  // namespace

std::optional<ParsedHeader> parse_image_header(std::span<const std::uint8_t> all, bool is_whole) {
  const ByteView bytes(all);
  if (all.empty()) throw FormatError("the file is empty");
  if (bytes.starts_with("\xff\xd8\xff")) return parse_jpeg(bytes);
  if (bytes.starts_with(png_signature)) return parse_png(bytes);
  if (bytes.starts_with("BM")) return parse_bmp(bytes);
  if (bytes.starts_with("WEBP", 8) && !webp_library().empty()) return checked(ImageType::webp, webp_picture(all));
  if (is_tiff(bytes) && !tiff_library().empty()) {
    // What it says of its picture may stand at its end.
    return is_whole ? checked(ImageType::tiff, tiff_picture(all)) : std::nullopt;
  }
  refuse(all);
}

ParsedHeader read_parsed_header(const std::filesystem::path& path) {
  // Enough for nearly every file; the rest have a large profile or preview before the size.
  constexpr std::int64_t first_bytes = 1 << 16;
  auto bytes = read_file_bytes(path, first_bytes);
  auto header = parse_image_header(bytes, std::ssize(bytes) < first_bytes);
  if (!header && std::ssize(bytes) == first_bytes)
    header = parse_image_header(read_file_bytes(path), /*is_whole=*/true);
  if (!header) throw FormatError("the file is truncated");
  return *header;
}

}  // namespace datus::io_detail
