// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/hash.hpp"
#include "datus/core/image.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace datus {

/// How the rows and columns of a picture are turned.
enum class Orientation {
  stored,  ///< as stored: what Pillow and torchvision do unless told otherwise
  exif,    ///< turned upright as Pillow's ImageOps.exif_transpose does: by the orientation tag of the EXIF, or, without
           ///< one, of the XMP, wherever the file may hold them; all eight values
};

/// What is known of an image file without decoding it.
struct ImageHeader {
  int width = 0;                ///< pixels, after `Orientation`
  int height = 0;               ///< pixels, after `Orientation`
  std::int64_t bytes = 0;       ///< size of the file
  bool has_more = false;        ///< it has further pages (TIFF) or frames (WebP), which are not read
  std::int64_t modified = 0;    ///< when the file was last written, in nanoseconds since 1970
  std::uint64_t beginning = 0;  ///< hash of what was read of it: 64 KiB, or all of it where the header takes more
};

/// A picture and what its file holds.
struct HashedImage {
  Image image;
  Hash content;  ///< of all bytes of the file, as `hash_file` makes it
};

/// Images with more pixels than this are refused: a damaged header must not ask for all memory.
inline constexpr std::int64_t max_image_pixels = std::int64_t{1} << 28;

/// "JPEG, PNG, BMP, TIFF or WebP", with `last` before the last one. TIFF and WebP are read where the build found
/// libtiff and libwebp.
[[nodiscard]] std::string readable_image_types(std::string_view last);
/// These libraries with their versions, "libtiff 4.5.0, libwebp 1.2.4"; empty without them.
[[nodiscard]] std::string image_libraries();

/// Decodes an image file to 8-bit RGB, [height, width, 3]: JPEG, PNG, BMP, and TIFF and WebP where the build reads
/// them, of which the first page or frame counts. The content decides on the type, never the name.
///
/// As Pillow's convert("RGB"): JPEG with the accurate integer DCT and smooth upsampling, four
/// components as Adobe's inverted CMYK or YCCK; alpha and transparency are dropped without
/// compositing; grey is replicated; palettes are expanded; no colour profile is applied.
/// Sixteen-bit samples keep the highest eight of the bits that they use (Pillow 9 clips grey ones instead): those of 8,
/// 10, 12 or 14 bits, as cameras and microscopes have them, are told by their largest value in the image, or by a PNG's
/// sBIT.
///
/// Not collective; safe to call from several threads. Throws `InputError` naming the file and the
/// reason: missing, not an image, truncated, damaged, empty or too large. A truncated file is never
/// completed with grey.
[[nodiscard]] Image read_image(const std::filesystem::path& path, Orientation orientation = Orientation::stored);

/// The same, with the hash of the bytes that it was decoded from.
[[nodiscard]] HashedImage read_hashed_image(const std::filesystem::path& path, Orientation orientation);

/// Size of an image file, from its first bytes. It agrees with `read_image` whenever that succeeds,
/// but does not tell whether the pixels can be decoded. Not collective. Throws `InputError` as
/// `read_image` does.
[[nodiscard]] ImageHeader read_image_header(const std::filesystem::path& path,
                                            Orientation orientation = Orientation::stored);

}  // namespace datus
