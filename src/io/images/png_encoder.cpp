// SPDX-License-Identifier: Apache-2.0
#include "io/images/png_encoder.hpp"

#include "datus/core/error.hpp"
#include "io/images/png_filters.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <string_view>

#include <libdeflate.h>

namespace datus::io_detail {
namespace {

using Bytes = std::vector<std::uint8_t>;

/// Labels are flat areas, whose repetitions are found as they are: filters would only hide them. On masks this level
/// makes files as small as zlib's default does, in less than half of the time.
constexpr int label_level = 5;
/// Photographs gain by prediction, after which little repeats itself: to look for more takes long.
constexpr int photograph_level = 3;

/// Chunks are shorter than 2^31 bytes.
constexpr std::size_t largest_chunk = std::size_t{1} << 30U;

void append_32(Bytes& bytes, std::uint32_t value) {
  for (const unsigned shift : {24U, 16U, 8U, 0U}) bytes.push_back(static_cast<std::uint8_t>(value >> shift));
}

void append_chunk(Bytes& file, std::string_view type, std::span<const std::uint8_t> data) {
  append_32(file, static_cast<std::uint32_t>(data.size()));
  const std::size_t begin = file.size();
  file.insert(file.end(), type.begin(), type.end());
  file.insert(file.end(), data.begin(), data.end());
  append_32(file, libdeflate_crc32(0, file.data() + begin, file.size() - begin));
}

/// Each row with the number of its filter before it.
Bytes filtered_rows(const PngContent& content) {
  constexpr std::size_t pixel = 3;  // bytes, where there is prediction
  const auto height = static_cast<std::size_t>(content.height);
  const std::size_t row_size = content.samples.size() / height;
  const bool is_photograph = content.kind == PngKind::rgb8;
  Bytes rows(height * (row_size + 1));
  const Bytes black(row_size);
  for (std::size_t y = 0; y < height; ++y) {
    std::uint8_t* to = rows.data() + y * (row_size + 1);
    const std::uint8_t* from = content.samples.data() + y * row_size;
    *to++ = is_photograph ? png_filter::paeth : png_filter::none;
    if (!is_photograph) {
      std::copy_n(from, row_size, to);
      continue;
    }
    const std::uint8_t* up = y == 0 ? black.data() : from - row_size;
    for (std::size_t x = 0; x < std::min(pixel, row_size); ++x) to[x] = static_cast<std::uint8_t>(from[x] - up[x]);
    for (std::size_t x = pixel; x < row_size; ++x) {
      to[x] = static_cast<std::uint8_t>(from[x] - paeth_prediction(from[x - pixel], up[x], up[x - pixel]));
    }
  }
  return rows;
}

Bytes compressed(const Bytes& bytes, int level) {
  struct Free {
    void operator()(libdeflate_compressor* compressor) const { libdeflate_free_compressor(compressor); }
  };
  const std::unique_ptr<libdeflate_compressor, Free> compressor(libdeflate_alloc_compressor(level));
  if (!compressor) throw SystemError("The PNG encoder could not start", "there is no memory", "");
  Bytes stream(libdeflate_zlib_compress_bound(compressor.get(), bytes.size()));
  stream.resize(libdeflate_zlib_compress(compressor.get(), bytes.data(), bytes.size(), stream.data(), stream.size()));
  return stream;
}

Bytes header_of(const PngContent& content) {
  Bytes header;
  append_32(header, static_cast<std::uint32_t>(content.width));
  append_32(header, static_cast<std::uint32_t>(content.height));
  constexpr std::uint8_t grey = 0;
  constexpr std::uint8_t rgb = 2;
  constexpr std::uint8_t palette = 3;
  header.push_back(content.kind == PngKind::grey16 ? 16 : 8);
  switch (content.kind) {
    case PngKind::rgb8:
      header.push_back(rgb);
      break;
    case PngKind::palette8:
      header.push_back(palette);
      break;
    case PngKind::grey8:
    case PngKind::grey16:
      header.push_back(grey);
      break;
  }
  header.insert(header.end(), 3, 0);  // deflate, the five filters, not interlaced
  return header;
}

}  // namespace

Bytes encode_png(const PngContent& content) {
  Bytes file = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  append_chunk(file, "IHDR", header_of(content));
  if (content.kind == PngKind::palette8) {
    Bytes entries;
    for (const Colour colour : content.palette) entries.insert(entries.end(), {colour.red, colour.green, colour.blue});
    append_chunk(file, "PLTE", entries);
  }
  const Bytes stream =
      compressed(filtered_rows(content), content.kind == PngKind::rgb8 ? photograph_level : label_level);
  for (auto rest = std::span(stream); !rest.empty();) {
    const std::size_t size = std::min(rest.size(), largest_chunk);
    append_chunk(file, "IDAT", rest.first(size));
    rest = rest.subspan(size);
  }
  append_chunk(file, "IEND", {});
  return file;
}

}  // namespace datus::io_detail
