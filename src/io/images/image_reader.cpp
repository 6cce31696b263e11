#include "datus/io/image_reader.hpp"

#include "datus/core/error.hpp"
#include "io/disk/file_bytes.hpp"
#include "io/images/bmp_decoder.hpp"
#include "io/images/byte_view.hpp"
#include "io/images/image_header.hpp"
#include "io/images/jpeg_decoder.hpp"
#include "io/images/png_decoder.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace datus {
namespace {

using io_detail::FormatError;
using io_detail::ImageType;
using io_detail::ParsedHeader;

/// Calls `body`, turning what is wrong with the bytes into an error that names the file.
template <class Body>
auto naming_file(const std::filesystem::path& path, const Body& body) {
  try {
    return body();
  } catch (const FormatError& error) {
    throw InputError("Cannot read image " + path.string(), error.what(), "Replace the file or take it off the list.");
  }
}

ParsedHeader require_header(const std::optional<ParsedHeader>& header) {
  if (!header) throw FormatError("the file is truncated");
  return *header;
}

/// Orientations 5 to 8 exchange rows and columns.
bool is_transposed(int orientation) {
  return orientation >= 5;
}

/// Turns a stored picture upright. EXIF 2.32, tag 0x0112: 2 and 4 mirror, 3 turns by 180 degrees, 6
/// by 90 degrees clockwise, 8 counter-clockwise, 5 and 7 mirror along a diagonal.
Image turn_upright(Image stored, int orientation) {
  if (orientation == 1) return stored;
  const bool transposes = is_transposed(orientation);
  const bool flips_rows = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool flips_columns = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  Image upright = transposes ? Image(stored.width, stored.height) : Image(stored.height, stored.width);
  for (int y = 0; y < upright.height; ++y) {
    const auto to = upright.row(y);
    for (int x = 0; x < upright.width; ++x) {
      const int row = transposes ? x : y;
      const int column = transposes ? y : x;
      const auto from = std::as_const(stored).row(flips_rows ? stored.height - 1 - row : row);
      const int source = flips_columns ? stored.width - 1 - column : column;
      std::copy_n(from.begin() + 3 * std::ptrdiff_t{source}, 3, to.begin() + 3 * std::ptrdiff_t{x});
    }
  }
  return upright;
}

Image decode(std::span<const std::uint8_t> bytes, const ParsedHeader& header) {
  switch (header.type) {
    case ImageType::jpeg:
      return io_detail::decode_jpeg(bytes, header);
    case ImageType::png:
      return io_detail::decode_png(bytes);
    case ImageType::bmp:
      return io_detail::decode_bmp(bytes, header);
  }
  throw FormatError("the image is of an unknown type");
}

}  // namespace

Image read_image(const std::filesystem::path& path, Orientation orientation) {
  const auto bytes = io_detail::read_file_bytes(path);
  return naming_file(path, [&] {
    const ParsedHeader header = require_header(io_detail::parse_image_header(bytes));
    Image image = decode(bytes, header);
    return orientation == Orientation::exif ? turn_upright(std::move(image), header.orientation) : image;
  });
}

ImageHeader read_image_header(const std::filesystem::path& path, Orientation orientation) {
  // Enough for nearly every file; the rest have a large profile or preview before the size.
  constexpr std::int64_t first_bytes = 1 << 16;
  const std::int64_t size = io_detail::regular_file_size(path);
  const auto start = io_detail::read_file_bytes(path, first_bytes);
  return naming_file(path, [&] {
    auto parsed = io_detail::parse_image_header(start);
    if (!parsed && size > first_bytes) parsed = io_detail::parse_image_header(io_detail::read_file_bytes(path));
    const ParsedHeader header = require_header(parsed);
    ImageHeader result{.width = header.width, .height = header.height, .bytes = size};
    if (orientation == Orientation::exif && is_transposed(header.orientation)) std::swap(result.width, result.height);
    return result;
  });
}

}  // namespace datus
