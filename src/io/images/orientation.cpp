// SPDX-License-Identifier: Apache-2.0
#include "io/images/orientation.hpp"

#include "io/images/byte_view.hpp"
#include "io/images/metadata.hpp"
#include "io/images/tiff_decoder.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace datus::io_detail {
namespace {

using namespace std::string_view_literals;

/// The value of tag 0x0112 in the first directory of a TIFF structure; 1 for one that cannot be, nothing where the tag
/// is not there.
std::optional<int> exif_orientation(std::span<const std::uint8_t> exif) {
  constexpr std::uint32_t orientation_tag = 0x0112;
  constexpr auto magic = "Exif\0\0"sv;
  for (int times = 0; times < 2 && ByteView(exif).starts_with(magic); ++times) exif = exif.subspan(magic.size());
  const ByteView bytes(exif);
  const bool is_little = bytes.starts_with("II*\0"sv);
  if ((!is_little && !bytes.starts_with("MM\0*"sv)) || !bytes.has(4, 4)) return std::nullopt;
  const auto get16 = [&](std::size_t at) { return is_little ? bytes.little16(at) : bytes.big16(at); };
  const auto get32 = [&](std::size_t at) { return is_little ? bytes.little32(at) : bytes.big32(at); };
  const std::size_t directory = get32(4);
  const std::size_t entries = bytes.has(directory, 2) ? get16(directory) : 0;
  std::optional<int> found;
  for (std::size_t i = 0; i < entries && bytes.has(directory + 2 + 12 * i, 12); ++i) {
    const std::size_t entry = directory + 2 + 12 * i;
    if (get16(entry) != orientation_tag) continue;
    const std::uint32_t type = get16(entry + 2);
    const bool is_long = type == 4 || type == 9;  // LONG and SLONG
    const bool is_short = type == 3 || type == 8;
    const std::uint32_t value = is_long ? get32(entry + 8) : is_short ? get16(entry + 8) : 0;
    found = value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return found;
}

/// tiff:Orientation as an attribute or an element.
std::optional<int> xmp_orientation(std::string_view xmp) {
  constexpr auto name = "tiff:Orientation"sv;
  for (std::size_t at = xmp.find(name); at != std::string_view::npos; at = xmp.find(name, at + 1)) {
    std::string_view rest = xmp.substr(at + name.size());
    const std::size_t before = rest.starts_with("=\"") ? 2 : rest.starts_with('>') ? 1 : 0;
    rest.remove_prefix(before);
    if (before == 0 || rest.empty() || rest.front() < '0' || rest.front() > '9') continue;
    const int value = rest.front() - '0';
    return value >= 1 && value <= 8 ? value : 1;
  }
  return std::nullopt;
}

std::optional<Metadata> find_metadata(const ByteView& bytes, ImageType type) {
  switch (type) {
    case ImageType::jpeg:
      return jpeg_metadata(bytes);
    case ImageType::png:
      return png_metadata(bytes);
    case ImageType::tiff:
      return tiff_metadata(bytes.part(0, bytes.size()));
    case ImageType::webp:
      return webp_metadata(bytes);
    case ImageType::bmp:
      break;
  }
  return Metadata{};
}

}  // namespace

std::optional<int> find_orientation(std::span<const std::uint8_t> bytes, ImageType type) {
  const auto metadata = find_metadata(ByteView(bytes), type);
  if (!metadata) return std::nullopt;
  if (metadata->orientation) return metadata->orientation;
  if (const auto orientation = exif_orientation(metadata->exif)) return orientation;
  return xmp_orientation(metadata->xmp).value_or(1);
}

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

}  // namespace datus::io_detail
