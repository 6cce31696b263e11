// SPDX-License-Identifier: Apache-2.0
#include "datus/io/image_writer.hpp"

#include "datus/core/error.hpp"
#include "datus/core/text.hpp"
#include "io/disk/file_bytes.hpp"
#include "io/images/png_encoder.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace datus {
namespace {

constexpr int palette_entries = 256;

void write(const std::filesystem::path& path, const io_detail::PngContent& content, std::size_t bytes_per_pixel) {
  const std::string size = dimensions_text(content.width, content.height);
  if (content.width <= 0 || content.height <= 0 ||
      content.samples.size() / bytes_per_pixel / static_cast<std::size_t>(content.width) !=
          static_cast<std::size_t>(content.height) ||
      content.samples.size() % (bytes_per_pixel * static_cast<std::size_t>(content.width)) != 0) {
    throw UsageError("Cannot write " + path.string(),
                     "there are " + std::to_string(content.samples.size() / bytes_per_pixel) + " pixels for " + size,
                     "Pass one pixel for each place.");
  }
  io_detail::write_file_bytes(path, io_detail::encode_png(content));
}

}  // namespace

void write_png(const std::filesystem::path& path, const Image& image) {
  write(path,
        {.kind = io_detail::PngKind::rgb8,
         .height = image.height,
         .width = image.width,
         .samples = image.pixels,
         .palette = {}},
        3);
}

void write_palette_png(const std::filesystem::path& path, std::span<const std::uint8_t> indices, int height, int width,
                       const Palette& palette) {
  std::array<Colour, palette_entries> entries{};
  for (int i = 0; i < palette_entries; ++i) {
    const bool has_colour = i < palette_entries - 1 && static_cast<std::size_t>(i) < palette.colours.size();
    entries[static_cast<std::size_t>(i)] = palette.of(has_colour ? i : -1);
  }
  write(
      path,
      {.kind = io_detail::PngKind::palette8, .height = height, .width = width, .samples = indices, .palette = entries},
      1);
}

void write_grey_png(const std::filesystem::path& path, std::span<const std::uint8_t> levels, int height, int width) {
  write(path, {.kind = io_detail::PngKind::grey8, .height = height, .width = width, .samples = levels, .palette = {}},
        1);
}

void write_grey16_png(const std::filesystem::path& path, std::span<const std::uint16_t> levels, int height, int width) {
  std::vector<std::uint8_t> bytes(levels.size() * 2);
  for (std::size_t i = 0; i < levels.size(); ++i) {
    bytes[2 * i] = static_cast<std::uint8_t>(levels[i] >> 8U);
    bytes[2 * i + 1] = static_cast<std::uint8_t>(levels[i] & 0xFFU);
  }
  write(path, {.kind = io_detail::PngKind::grey16, .height = height, .width = width, .samples = bytes, .palette = {}},
        2);
}

}  // namespace datus
