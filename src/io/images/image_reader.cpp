// SPDX-License-Identifier: Apache-2.0
#include "datus/io/image_reader.hpp"

#include "datus/core/error.hpp"
#include "datus/core/regular_file.hpp"
#include "io/disk/file_bytes.hpp"
#include "io/images/bmp_decoder.hpp"
#include "io/images/byte_view.hpp"
#include "io/images/image_header.hpp"
#include "io/images/jpeg_decoder.hpp"
#include "io/images/orientation.hpp"
#include "io/images/png_decoder.hpp"
#include "io/images/simple_png.hpp"
#include "io/images/tiff_decoder.hpp"
#include "io/images/webp_decoder.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

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

/// What was found in a whole file.
template <class Found>
Found require(const std::optional<Found>& found) {
  if (!found) throw FormatError("the file is truncated");
  return *found;
}

Image decode(std::span<const std::uint8_t> bytes, const ParsedHeader& header) {
  switch (header.type) {
    case ImageType::jpeg:
      return io_detail::decode_jpeg(bytes, header);
    case ImageType::png: {
      auto image = io_detail::decode_simple_rgb_png(bytes);
      return image ? *std::move(image) : io_detail::decode_png(bytes);
    }
    case ImageType::bmp:
      return io_detail::decode_bmp(bytes, header);
    case ImageType::tiff:
      return io_detail::decode_tiff(bytes, header);
    case ImageType::webp:
      return io_detail::decode_webp(bytes, header);
  }
  throw FormatError("the image is of an unknown type");
}

/// The picture in the bytes of a file.
Image decode_file(const std::filesystem::path& path, std::span<const std::uint8_t> bytes, Orientation orientation) {
  return naming_file(path, [&] {
    const ParsedHeader header = require(io_detail::parse_image_header(bytes, /*is_whole=*/true));
    Image image = decode(bytes, header);
    if (orientation == Orientation::stored) return image;
    return io_detail::turn_upright(std::move(image), require(io_detail::find_orientation(bytes, header.type)));
  });
}

}  // namespace

std::string readable_image_types(std::string_view last) {
  std::vector<std::string> types = {"JPEG", "PNG", "BMP"};
  if (!io_detail::tiff_library().empty()) types.emplace_back("TIFF");
  if (!io_detail::webp_library().empty()) types.emplace_back("WebP");
  std::string text;
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (i > 0) text += i + 1 < types.size() ? ", " : last;
    text += types[i];
  }
  return text;
}

std::string image_libraries() {
  std::string text;
  for (const std::string& library : {io_detail::tiff_library(), io_detail::webp_library()}) {
    if (!library.empty()) text += (text.empty() ? "" : ", ") + library;
  }
  return text;
}

Image read_image(const std::filesystem::path& path, Orientation orientation) {
  return decode_file(path, io_detail::read_file_bytes(path), orientation);
}

HashedImage read_hashed_image(const std::filesystem::path& path, Orientation orientation) {
  const auto bytes = io_detail::read_file_bytes(path);
  return {.image = decode_file(path, bytes, orientation),
          .content = Hasher().add_bytes(std::as_bytes(std::span(bytes))).finish()};
}

ImageHeader read_image_header(const std::filesystem::path& path, Orientation orientation) {
  // Enough for nearly every file; the rest have a large profile or preview before the size.
  constexpr std::int64_t first_bytes = 1 << 16;
  // Before the bytes: what is written from now on makes the time another.
  const auto [size, modified] = [&] {
    const RegularFile file(path);
    return std::pair(file.bytes(), file.modified());
  }();
  auto bytes = io_detail::read_file_bytes(path, first_bytes);
  return naming_file(path, [&] {
    // `find` in the first bytes, or in all of them.
    const auto found = [&](const auto& find) {
      auto result = find(bytes);
      if (!result && std::ssize(bytes) < size) {
        bytes = io_detail::read_file_bytes(path);
        result = find(bytes);
      }
      return require(result);
    };
    const ParsedHeader header =
        found([&](const auto& some) { return io_detail::parse_image_header(some, std::ssize(some) >= size); });
    ImageHeader result{.width = header.width,
                       .height = header.height,
                       .bytes = size,
                       .has_more = header.has_more,
                       .modified = modified};
    if (orientation == Orientation::exif && io_detail::is_transposed(found([&](const auto& some) {
          return io_detail::find_orientation(some, header.type);
        }))) {
      std::swap(result.width, result.height);
    }
    result.beginning = hash_64(std::as_bytes(std::span(bytes)), 0);
    return result;
  });
}

}  // namespace datus
