// SPDX-License-Identifier: Apache-2.0
#include "io/images/png_decoder.hpp"

#include "datus/core/error.hpp"
#include "datus/core/regular_file.hpp"
#include "datus/io/image_reader.hpp"
#include "io/disk/file_bytes.hpp"
#include "io/images/byte_view.hpp"
#include "io/images/image_header.hpp"
#include "io/images/sample_depth.hpp"
#include "io/images/simple_png.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include <png.h>

namespace datus::io_detail {
namespace {

/// One decoding with libpng, from memory.
///
/// libpng reports errors by longjmp, which must not skip a destructor: only `guarded` sets the
/// target, and what runs in it owns nothing. Nothing may be thrown through libpng's C frames
/// either, so the message waits in `message_`.
class PngDecoder {
 public:
  explicit PngDecoder(std::span<const std::uint8_t> bytes) : rest_(bytes) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
    if (png_ == nullptr) throw FormatError("the PNG decoder could not start");
    info_ = png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      throw FormatError("the PNG decoder could not start");
    }
  }
  PngDecoder(const PngDecoder&) = delete;
  PngDecoder& operator=(const PngDecoder&) = delete;
  ~PngDecoder() { png_destroy_read_struct(&png_, &info_, nullptr); }

  /// Reads all up to the pixels.
  void read_header() {
    guarded([](PngDecoder& self) {
      png_set_read_fn(self.png_, &self, on_read);
      png_set_user_limits(self.png_, PNG_UINT_31_MAX,
                          PNG_UINT_31_MAX);  // the caller limits the pixels
      png_read_info(self.png_, self.info_);
    });
  }
  /// Asks for RGB without alpha and transparency: 8-bit, or 16-bit in the machine's order where these are stored.
  void convert_to_rgb() {
    guarded([](PngDecoder& self) {
      self.use_own_byte_order();
      if (self.colour_type() == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(self.png_);
      if ((self.colour_type() & PNG_COLOR_MASK_COLOR) == 0) {
        if (self.bit_depth() < 8) png_set_expand_gray_1_2_4_to_8(self.png_);
        png_set_gray_to_rgb(self.png_);
      }
      png_set_strip_alpha(self.png_);
    });
  }
  /// Asks for the stored values, one or two bytes each in the machine's order.
  void keep_values() {
    guarded([](PngDecoder& self) {
      if (self.bit_depth() < 8) png_set_packing(self.png_);
      self.use_own_byte_order();
    });
  }
  /// Decodes all rows into `out`, `row_size` bytes each, and reads the file to its end.
  void read_rows(std::span<std::uint8_t> out, std::size_t row_size) {
    rows_.resize(static_cast<std::size_t>(height()));
    for (std::size_t y = 0; y < rows_.size(); ++y) rows_[y] = out.subspan(y * row_size, row_size).data();
    row_size_ = row_size;
    guarded([](PngDecoder& self) {
      png_set_interlace_handling(self.png_);
      png_read_update_info(self.png_, self.info_);
      if (png_get_rowbytes(self.png_, self.info_) != self.row_size_) png_error(self.png_, "unexpected row size");
      self.read_in_row_ = 0;
      self.row_limit_ = 2 * png_get_rowbytes(self.png_, self.info_) + 65536;
      png_set_read_status_fn(self.png_, on_row);
      png_read_image(self.png_, self.rows_.data());
      self.row_limit_.reset();
      png_read_end(self.png_, nullptr);
    });
  }

  [[nodiscard]] int width() const { return static_cast<int>(png_get_image_width(png_, info_)); }
  [[nodiscard]] int height() const { return static_cast<int>(png_get_image_height(png_, info_)); }
  [[nodiscard]] int bit_depth() const { return png_get_bit_depth(png_, info_); }
  [[nodiscard]] int colour_type() const { return png_get_color_type(png_, info_); }
  /// What sBIT says of the channels, of the deepest; nothing where there is none.
  [[nodiscard]] std::optional<int> significant_bits() const {
    png_color_8p bits = nullptr;
    if (png_get_sBIT(png_, info_, &bits) == 0 || bits == nullptr) return std::nullopt;
    if ((colour_type() & PNG_COLOR_MASK_COLOR) == 0) return bits->gray;
    return std::max({bits->red, bits->green, bits->blue});
  }

 private:
  void use_own_byte_order() {
    if constexpr (std::endian::native == std::endian::little) {
      if (bit_depth() == 16) png_set_swap(png_);
    }
  }
  void guarded(void (*step)(PngDecoder&)) {
    if (setjmp(png_jmpbuf(png_)) != 0) throw FormatError("the PNG data is damaged: " + std::string(message_.data()));
    step(*this);
  }
  static void on_error(png_structp png, png_const_charp message) {
    auto& text = static_cast<PngDecoder*>(png_get_error_ptr(png))->message_;
    std::snprintf(text.data(), text.size(), "%s", message);
    png_longjmp(png, 1);
  }
  /// Warnings are about metadata that is not used here: profiles, texts, times.
  static void on_warning(png_structp /*png*/, png_const_charp /*message*/) {}
  static void on_read(png_structp png, png_bytep to, std::size_t count) {
    auto& self = *static_cast<PngDecoder*>(png_get_io_ptr(png));
    if (count > self.rest_.size()) png_error(png, "the file is truncated");
    self.read_in_row_ += count;
    if (self.row_limit_ && self.read_in_row_ > *self.row_limit_) png_error(png, "more than pixels is where these are");
    std::memcpy(to, self.rest_.data(), count);
    self.rest_ = self.rest_.subspan(count);
  }
  static void on_row(png_structp png, png_uint_32 /*row*/, int /*pass*/) {
    static_cast<PngDecoder*>(png_get_io_ptr(png))->read_in_row_ = 0;
  }

  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::span<const std::uint8_t> rest_;
  std::vector<png_bytep> rows_;
  std::size_t row_size_ = 0;
  /// Bytes of the file that one row may take, while rows are read. With the last one libpng unpacks all that stands
  /// behind it, only to pass over it: a megabyte of that may be a gigabyte of zeros.
  std::optional<std::size_t> row_limit_;
  std::size_t read_in_row_ = 0;
  std::array<char, 128> message_{};
};

constexpr auto colours_instead_of_labels = "the PNG holds colours, or has alpha, instead of one value per pixel";

void require_index_png(const ParsedHeader& header) {
  if (header.type != ImageType::png) throw FormatError("it is not a PNG file");
  if (header.components != 1) throw FormatError(colours_instead_of_labels);
}

/// Calls `body`, turning what is wrong with the bytes into an error that names the file.
template <class Body>
auto naming_labels(const std::filesystem::path& path, const Body& body) {
  try {
    return body();
  } catch (const FormatError& error) {
    throw InputError("Cannot read labels from " + path.string(), error.what(),
                     "Labels are PNG files with a palette or grey levels, whose values are the labels.");
  }
}

}  // namespace

Image decode_png(std::span<const std::uint8_t> bytes) {
  PngDecoder decoder(bytes);
  decoder.read_header();
  decoder.convert_to_rgb();
  Image image(decoder.height(), decoder.width());
  const std::size_t row_size = static_cast<std::size_t>(image.width) * 3;
  if (decoder.bit_depth() != 16) {
    decoder.read_rows(image.pixels, row_size);
    return image;
  }
  std::vector<std::uint16_t> samples(image.pixels.size());
  const auto bytes_of_samples = std::as_writable_bytes(std::span(samples));
  decoder.read_rows({reinterpret_cast<std::uint8_t*>(bytes_of_samples.data()), bytes_of_samples.size()}, 2 * row_size);
  const int bits = significant_bits(samples, decoder.significant_bits());
  std::ranges::transform(samples, image.pixels.begin(), [bits](std::uint16_t sample) { return to_byte(sample, bits); });
  return image;
}

IndexImage decode_index_png(std::span<const std::uint8_t> bytes) {
  PngDecoder decoder(bytes);
  decoder.read_header();
  const int type = decoder.colour_type();
  if (type != PNG_COLOR_TYPE_PALETTE && type != PNG_COLOR_TYPE_GRAY) throw FormatError(colours_instead_of_labels);
  decoder.keep_values();
  IndexImage image{.height = decoder.height(), .width = decoder.width(), .values = {}};
  if (decoder.bit_depth() == 16) image.values = std::vector<std::uint16_t>();
  const auto width = static_cast<std::size_t>(image.width);
  std::visit(
      [&](auto& values) {
        values.resize(static_cast<std::size_t>(image.height) * width);
        const auto bytes_of_values = std::as_writable_bytes(std::span(values));
        decoder.read_rows({reinterpret_cast<std::uint8_t*>(bytes_of_values.data()), bytes_of_values.size()},
                          width * sizeof values[0]);
      },
      image.values);
  return image;
}

IndexImage read_index_png(const std::filesystem::path& path) {
  const auto bytes = read_file_bytes(path);
  return naming_labels(path, [&] {
    const auto header = parse_image_header(bytes, /*is_whole=*/true);
    if (!header) throw FormatError("the file is truncated");
    require_index_png(*header);
    auto image = decode_simple_png(bytes);
    return image ? *std::move(image) : decode_index_png(bytes);
  });
}

ImageHeader read_index_png_header(const std::filesystem::path& path) {
  const std::int64_t size = RegularFile(path).bytes();
  return naming_labels(path, [&] {
    const ParsedHeader header = read_parsed_header(path);
    require_index_png(header);
    return ImageHeader{.width = header.width, .height = header.height, .bytes = size};
  });
}

}  // namespace datus::io_detail
