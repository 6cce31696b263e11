// SPDX-License-Identifier: Apache-2.0
#include "io/images/simple_png.hpp"

#include "datus/io/image_reader.hpp"
#include "io/disk/zlib_stream.hpp"
#include "io/images/byte_view.hpp"
#include "io/images/png_filters.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include <libdeflate.h>

namespace datus::io_detail {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::string_view signature = "\x89PNG\r\n\x1a\n";

/// libpng refuses some longer ones.
constexpr std::size_t longest_chunk = 8'000'000;

struct Chunk {
  std::string_view type;
  Bytes data;
};

/// Takes a sound chunk from the front of `bytes`; nothing where there is none.
std::optional<Chunk> take_chunk(Bytes& bytes) {
  constexpr std::size_t around = 12;  // length, type and checksum
  if (bytes.size() < around) return std::nullopt;
  const std::size_t length = ByteView(bytes).big32(0);
  if (length > std::min(longest_chunk, bytes.size() - around)) return std::nullopt;
  const Bytes covered = bytes.subspan(4, 4 + length);
  if (libdeflate_crc32(0, covered.data(), covered.size()) != ByteView(bytes).big32(8 + length)) return std::nullopt;
  bytes = bytes.subspan(around + length);
  return Chunk{{reinterpret_cast<const char*>(covered.data()), 4}, covered.subspan(4)};
}

/// Whether nobody needs to know what a chunk says: its name begins with a lower-case letter.
bool is_ancillary(const Chunk& chunk) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return std::ranges::all_of(chunk.type, is_letter) && chunk.type.front() >= 'a';
}

/// What the bytes of pixels are.
enum class Content { grey, palette, rgb };

struct Header {
  int height = 0;
  int width = 0;
  std::size_t pixel_bits = 0;
  Content content = Content::grey;

  /// Of the stored bytes of a row.
  [[nodiscard]] std::size_t row_size() const { return (static_cast<std::size_t>(width) * pixel_bits + 7) / 8; }
};

std::optional<Content> content_of(std::uint32_t colour_type, std::uint32_t bit_depth) {
  const bool is_depth = bit_depth == 1 || bit_depth == 2 || bit_depth == 4 || bit_depth == 8;
  if (colour_type == 0 && (is_depth || bit_depth == 16)) return Content::grey;
  if (colour_type == 2 && bit_depth == 8) return Content::rgb;
  if (colour_type == 3 && is_depth) return Content::palette;
  return std::nullopt;
}

std::optional<Header> header_of(const Chunk& chunk) {
  if (chunk.type != "IHDR" || chunk.data.size() != 13) return std::nullopt;
  const ByteView data(chunk.data);
  const std::int64_t width = data.big32(0);
  const std::int64_t height = data.big32(4);
  if (width < 1 || height < 1 || width > max_image_pixels / height) return std::nullopt;
  const std::size_t bit_depth = data.byte(8);
  const auto content = content_of(data.byte(9), data.byte(8));
  // Deflate, the five filters, not interlaced.
  if (!content || data.byte(10) != 0 || data.byte(11) != 0 || data.byte(12) != 0) return std::nullopt;
  return Header{static_cast<int>(height), static_cast<int>(width), *content == Content::rgb ? 3 * bit_depth : bit_depth,
                *content};
}

/// The compressed rows: the data of the IDAT chunks, which follow each other.
class Stream {
 public:
  void add(Bytes data) {
    if (!bytes_.empty() || !first_.empty()) {
      if (bytes_.empty()) bytes_.assign(first_.begin(), first_.end());
      bytes_.insert(bytes_.end(), data.begin(), data.end());
    } else {
      first_ = data;
    }
  }
  [[nodiscard]] Bytes bytes() const { return bytes_.empty() ? first_ : Bytes(bytes_); }

 private:
  Bytes first_;  // mostly the only one
  std::vector<std::uint8_t> bytes_;
};

/// Of the chunks behind the header, to the last one; empty where they are not as they should be.
Stream stream_of(Bytes bytes, bool has_palette) {
  Stream stream;
  bool is_palette_there = false;
  bool has_begun = false;
  bool is_complete = false;
  while (const auto chunk = take_chunk(bytes)) {
    if (chunk->type == "IEND") return chunk->data.empty() ? stream : Stream();
    if (chunk->type == "IDAT") {
      if (is_complete || is_palette_there != has_palette) return {};
      stream.add(chunk->data);
      has_begun = true;
      continue;
    }
    is_complete = has_begun;
    if (chunk->type == "PLTE") {
      const std::size_t size = chunk->data.size();
      if (!has_palette || is_palette_there || has_begun || size == 0 || size % 3 != 0 || size > 768) return {};
      is_palette_there = true;
    } else if (!is_ancillary(*chunk)) {
      return {};
    }
  }
  return {};
}

/// zlib looks no farther back than the stream says that one has to.
bool sees_all(Bytes stream, std::size_t size) {
  constexpr unsigned whole_window = 7;
  const unsigned window = stream.front() >> 4U;
  return window == whole_window || (window < whole_window && size <= std::size_t{256} << window);
}

/// Takes the filter from a row of which a pixel, or several, take `pixel` bytes. `up` is the row above.
bool unfilter(std::uint8_t filter, std::span<std::uint8_t> row, const std::uint8_t* up, std::size_t pixel) {
  const std::size_t first = std::min(pixel, row.size());
  const auto add = [&](std::size_t x, int prediction) { row[x] = static_cast<std::uint8_t>(row[x] + prediction); };
  switch (filter) {
    case png_filter::none:
      return true;
    case png_filter::sub:
      for (std::size_t x = first; x < row.size(); ++x) add(x, row[x - pixel]);
      return true;
    case png_filter::up:
      for (std::size_t x = 0; x < row.size(); ++x) add(x, up[x]);
      return true;
    case png_filter::average:
      for (std::size_t x = 0; x < first; ++x) add(x, up[x] / 2);
      for (std::size_t x = first; x < row.size(); ++x) add(x, (row[x - pixel] + up[x]) / 2);
      return true;
    case png_filter::paeth:
      for (std::size_t x = 0; x < first; ++x) add(x, up[x]);
      for (std::size_t x = first; x < row.size(); ++x) add(x, paeth_prediction(row[x - pixel], up[x], up[x - pixel]));
      return true;
    default:
      return false;
  }
}

constexpr std::size_t read_behind = 5;  ///< by `unfilter_paeth_rgb`, behind a row and the one above it

/// Paeth's filter, which most rows of photos have, of RGB: the channels of a pixel side by side in a register. `to` may
/// be a place before that of the row.
void unfilter_paeth_rgb(std::span<const std::uint8_t> row, const std::uint8_t* up, std::uint8_t* to) {
  using Bytes8 = std::uint8_t __attribute__((vector_size(8)));
  using Pixel = std::int16_t __attribute__((vector_size(16)));
  const auto load = [](const std::uint8_t* from) {
    Bytes8 bytes;
    std::memcpy(&bytes, from, sizeof bytes);
    return __builtin_convertvector(bytes, Pixel);
  };
  const auto magnitude = [](Pixel x) { return x > -x ? x : -x; };
  Pixel left{};
  Pixel corner{};
  for (std::size_t x = 0; x < row.size(); x += 3) {
    const Pixel above = load(up + x);
    const Pixel by_left = above - corner;
    const Pixel by_up = left - corner;
    const Pixel to_left = magnitude(by_left);
    const Pixel to_up = magnitude(by_up);
    const Pixel to_corner = magnitude(by_left + by_up);
    const Pixel other = to_up <= to_corner ? above : corner;
    const Pixel is_left = (to_left <= to_up) & (to_left <= to_corner);
    left = (load(row.data() + x) + (is_left ? left : other)) & 0xFF;
    const Bytes8 bytes = __builtin_convertvector(left, Bytes8);
    std::memcpy(to + x, &bytes, 4);  // the fourth is written over by the next pixel
    corner = above;
  }
}

void unpack(std::span<const std::uint8_t> row, std::size_t bit_depth, std::span<std::uint8_t> values) {
  if (bit_depth == 8) {
    std::ranges::copy(row, values.begin());
    return;
  }
  const std::size_t of_byte = 8 / bit_depth;
  const unsigned mask = (1U << bit_depth) - 1;
  for (std::size_t x = 0; x < values.size(); ++x) {
    const std::size_t shift = 8 - bit_depth * (x % of_byte + 1);
    values[x] = static_cast<std::uint8_t>(row[x / of_byte] >> shift & mask);
  }
}

void unpack(std::span<const std::uint8_t> row, std::size_t /*bit_depth*/, std::span<std::uint16_t> values) {
  for (std::size_t x = 0; x < values.size(); ++x) {
    values[x] = static_cast<std::uint16_t>(row[2 * x] << 8U | row[2 * x + 1]);
  }
}

/// From `rows`, each behind the number of its filter; nothing where that is none.
template <class Value>
std::optional<std::vector<Value>> values_of(std::span<std::uint8_t> rows, const Header& header) {
  const std::size_t row_size = header.row_size();
  const auto width = static_cast<std::size_t>(header.width);
  const std::vector<std::uint8_t> black(row_size);
  const std::uint8_t* up = black.data();
  std::vector<Value> values(static_cast<std::size_t>(header.height) * width);
  for (auto rest = std::span(values); !rest.empty(); rest = rest.subspan(width)) {
    const auto row = rows.subspan(1, row_size);
    if (!unfilter(rows.front(), row, up, sizeof(Value))) return std::nullopt;
    unpack(row, header.pixel_bits, rest.first(width));
    up = row.data();
    rows = rows.subspan(1 + row_size);
  }
  return values;
}

template <class Value>
std::optional<IndexImage> image_of(std::span<std::uint8_t> rows, const Header& header) {
  auto values = values_of<Value>(rows, header);
  if (!values) return std::nullopt;
  return IndexImage{.height = header.height, .width = header.width, .values = *std::move(values)};
}

struct PackedImage {
  Header header;
  std::vector<std::uint8_t> rows;  ///< each behind the number of its filter; `read_behind` bytes more
};

/// The rows of a file with RGB, or with anything else.
std::optional<PackedImage> packed_image(Bytes bytes, bool has_rgb) {
  if (!ByteView(bytes).starts_with(signature)) return std::nullopt;
  bytes = bytes.subspan(signature.size());
  const auto first = take_chunk(bytes);
  const auto header = first ? header_of(*first) : std::nullopt;
  if (!header || (header->content == Content::rgb) != has_rgb) return std::nullopt;
  const Stream chunks = stream_of(bytes, header->content == Content::palette);
  const Bytes stream = chunks.bytes();
  const std::size_t size = static_cast<std::size_t>(header->height) * (1 + header->row_size());
  // No stream unpacks to more than this many times its size: a few bytes ask for no memory.
  constexpr std::size_t largest_ratio = 1032;
  if (stream.empty() || size / largest_ratio > stream.size() || !sees_all(stream, size)) return std::nullopt;
  PackedImage packed{*header, std::vector<std::uint8_t>(size + read_behind)};
  const auto rows = std::span(packed.rows).first(size);
  if (inflate(std::as_bytes(stream), std::as_writable_bytes(rows)) != stream.size()) return std::nullopt;
  return packed;
}

}  // namespace

std::optional<IndexImage> decode_simple_png(std::span<const std::uint8_t> bytes) {
  auto packed = packed_image(bytes, false);
  if (!packed) return std::nullopt;
  return packed->header.pixel_bits == 16 ? image_of<std::uint16_t>(packed->rows, packed->header)
                                         : image_of<std::uint8_t>(packed->rows, packed->header);
}

std::optional<Image> decode_simple_rgb_png(std::span<const std::uint8_t> bytes) {
  auto packed = packed_image(bytes, true);
  if (!packed) return std::nullopt;
  const std::size_t row_size = packed->header.row_size();
  const std::vector<std::uint8_t> black(row_size + read_behind);
  const std::uint8_t* up = black.data();
  std::uint8_t* to = packed->rows.data();  // rows move together: a photo is not in memory twice
  for (auto rest = std::span(packed->rows); rest.size() > read_behind; rest = rest.subspan(1 + row_size)) {
    const auto row = rest.subspan(1, row_size);
    if (rest.front() == png_filter::paeth) {
      unfilter_paeth_rgb(row, up, to);
    } else if (unfilter(rest.front(), row, up, 3)) {
      std::copy(row.begin(), row.end(), to);
    } else {
      return std::nullopt;
    }
    up = to;
    to += row_size;
  }
  packed->rows.resize(static_cast<std::size_t>(packed->header.height) * row_size);
  Image image;
  image.height = packed->header.height;
  image.width = packed->header.width;
  image.pixels = std::move(packed->rows);
  return image;
}

}  // namespace datus::io_detail
