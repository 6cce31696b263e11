#include "io/images/image_header.hpp"

#include "datus/core/text.hpp"
#include "datus/io/image_reader.hpp"
#include "io/images/byte_view.hpp"
#include "io/images/foreign_content.hpp"
#include "io/images/jpeg_markers.hpp"

#include <algorithm>
#include <string>

namespace datus::io_detail {
namespace {

using namespace std::string_view_literals;

constexpr auto png_signature = "\x89PNG\r\n\x1a\n"sv;
constexpr auto exif_magic = "Exif\0\0"sv;

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
  bool has_exif = false;
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
    } else if (marker->code == JpegMarker::app1 && !has_exif && content.starts_with(exif_magic)) {
      header.orientation = exif_orientation(content.part(exif_magic.size(), size - exif_magic.size()));
      has_exif = true;
    } else if (marker->code == JpegMarker::start_of_scan || marker->code == JpegMarker::end_of_image) {
      if (!has_frame) throw FormatError("the JPEG has no frame header");
      return checked_size(header, width, height);
    }
  }
  return std::nullopt;
}

std::optional<ParsedHeader> parse_png(const ByteView& bytes) {
  constexpr std::size_t first_chunk = 8;
  constexpr std::size_t ihdr_size = 13;
  if (!bytes.has(first_chunk, 8 + ihdr_size)) return std::nullopt;
  if (!bytes.starts_with("IHDR", first_chunk + 4) || bytes.big32(first_chunk) != ihdr_size) {
    throw FormatError("the PNG header is damaged");
  }
  ParsedHeader header{.type = ImageType::png};
  header = checked_size(header, bytes.big32(first_chunk + 8), bytes.big32(first_chunk + 12));
  // The EXIF chunk may stand anywhere between the header and the pixels.
  for (std::size_t chunk = first_chunk; bytes.has(chunk, 8);) {
    const std::size_t size = bytes.big32(chunk);
    if (bytes.starts_with("IDAT", chunk + 4) || bytes.starts_with("IEND", chunk + 4)) return header;
    if (bytes.starts_with("eXIf", chunk + 4)) {
      if (!bytes.has(chunk + 8, size)) return std::nullopt;
      header.orientation = exif_orientation(bytes.part(chunk + 8, size));
      return header;
    }
    chunk += 8 + size + 4;
  }
  return std::nullopt;
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

}  // namespace

std::optional<ParsedHeader> parse_image_header(std::span<const std::uint8_t> all) {
  const ByteView bytes(all);
  if (all.empty()) throw FormatError("the file is empty");
  if (bytes.starts_with("\xff\xd8\xff")) return parse_jpeg(bytes);
  if (bytes.starts_with(png_signature)) return parse_png(bytes);
  if (bytes.starts_with("BM")) return parse_bmp(bytes);
  const std::string content(foreign_content(all));
  if (content.empty()) throw FormatError("the content is not that of a JPEG, PNG or BMP image");
  throw FormatError("there is no JPEG, PNG or BMP image in it, but " + content);
}

int exif_orientation(std::span<const std::uint8_t> tiff) {
  constexpr std::uint32_t orientation_tag = 0x0112;
  constexpr std::uint32_t short_type = 3;
  const ByteView bytes(tiff);
  const bool is_little = bytes.starts_with("II*\0"sv);
  if (!is_little && !bytes.starts_with("MM\0*"sv)) return 1;
  const auto get16 = [&](std::size_t at) { return is_little ? bytes.little16(at) : bytes.big16(at); };
  if (!bytes.has(4, 4)) return 1;
  const std::size_t directory = is_little ? bytes.little32(4) : bytes.big32(4);
  if (!bytes.has(directory, 2)) return 1;
  const std::size_t entries = get16(directory);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + 12 * i;
    if (!bytes.has(entry, 12)) return 1;
    if (get16(entry) != orientation_tag) continue;
    const auto value = static_cast<int>(get16(entry + 8));
    return get16(entry + 2) == short_type && value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

}  // namespace datus::io_detail
