#include "datus/io/image_writer.hpp"

#include "datus/core/error.hpp"
#include "datus/core/text.hpp"
#include "io/disk/file_bytes.hpp"

#include <array>
#include <csetjmp>
#include <cstdio>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <png.h>
#include <zlib.h>

namespace datus {
namespace {

constexpr int palette_entries = 256;

/// What to encode: rows of samples as PNG stores them (16 bits: high byte first).
struct PngContent {
  int height = 0;
  int width = 0;
  int colour_type = PNG_COLOR_TYPE_RGB;
  int bit_depth = 8;
  std::span<const std::uint8_t> bytes;
  std::span<const png_color> palette;
};

/// One encoding with libpng, into memory. As in the decoder, libpng's longjmp must not skip a
/// destructor: `run` sets the target, and what it calls owns nothing.
class PngEncoder {
 public:
  PngEncoder() {
    png_ = png_create_write_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
    info_ = png_ == nullptr ? nullptr : png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_write_struct(&png_, nullptr);
      throw SystemError("The PNG encoder could not start", "libpng does not fit or there is no memory", "");
    }
  }
  PngEncoder(const PngEncoder&) = delete;
  PngEncoder& operator=(const PngEncoder&) = delete;
  ~PngEncoder() { png_destroy_write_struct(&png_, &info_); }

  /// The bytes of the file; empty on failure, see `message`.
  [[nodiscard]] std::vector<std::uint8_t> encode(const PngContent& content) {
    const auto height = static_cast<std::size_t>(content.height);
    const std::size_t row_size = content.bytes.size() / height;
    std::vector<const std::uint8_t*> rows(height);
    for (std::size_t y = 0; y < height; ++y) rows[y] = content.bytes.subspan(y * row_size).data();
    file_.reserve(content.bytes.size() / 4 + 1024);
    if (!run(content, rows.data())) file_.clear();
    return std::move(file_);
  }
  [[nodiscard]] std::string message() const { return message_.data(); }

 private:
  bool run(const PngContent& content, const std::uint8_t* const* rows) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_write_fn(png_, this, on_write, on_flush);
    // Labels are flat areas of indices: filters would only hide them. Photographs gain by
    // prediction.
    const bool is_photograph = content.colour_type == PNG_COLOR_TYPE_RGB && content.palette.empty();
    png_set_filter(png_, PNG_FILTER_TYPE_BASE, is_photograph ? PNG_FILTER_PAETH : PNG_FILTER_NONE);
    // What is left of a photograph repeats itself in runs alone: to look for more takes eight times as long.
    if (is_photograph) png_set_compression_strategy(png_, Z_RLE);
    png_set_compression_level(png_, 6);
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_IHDR(png_, info_, static_cast<png_uint_32>(content.width), static_cast<png_uint_32>(content.height),
                 content.bit_depth, content.colour_type, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_BASE,
                 PNG_FILTER_TYPE_BASE);
    if (!content.palette.empty()) {
      png_set_PLTE(png_, info_, content.palette.data(), static_cast<int>(content.palette.size()));
    }
    png_write_info(png_, info_);
    for (int y = 0; y < content.height; ++y) png_write_row(png_, rows[y]);
    png_write_end(png_, nullptr);
    return true;
  }
  static void on_error(png_structp png, png_const_charp message) {
    auto& text = static_cast<PngEncoder*>(png_get_error_ptr(png))->message_;
    std::snprintf(text.data(), text.size(), "%s", message);
    png_longjmp(png, 1);
  }
  static void on_warning(png_structp /*png*/, png_const_charp /*message*/) {}
  static void on_write(png_structp png, png_bytep from, std::size_t count) {
    auto& file = static_cast<PngEncoder*>(png_get_io_ptr(png))->file_;
    bool has_memory = true;
    try {
      file.insert(file.end(), from, from + count);
    } catch (const std::exception&) {
      has_memory = false;  // must not be thrown through libpng
    }
    if (!has_memory) png_error(png, "out of memory");
  }
  static void on_flush(png_structp /*png*/) {}

  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::vector<std::uint8_t> file_;
  std::array<char, 128> message_{};
};

void write(const std::filesystem::path& path, const PngContent& content, std::size_t bytes_per_pixel) {
  const std::string size = dimensions_text(content.width, content.height);
  if (content.width <= 0 || content.height <= 0 ||
      content.bytes.size() / bytes_per_pixel / static_cast<std::size_t>(content.width) !=
          static_cast<std::size_t>(content.height) ||
      content.bytes.size() % (bytes_per_pixel * static_cast<std::size_t>(content.width)) != 0) {
    throw UsageError("Cannot write " + path.string(),
                     "there are " + std::to_string(content.bytes.size() / bytes_per_pixel) + " pixels for " + size,
                     "Pass one pixel for each place.");
  }
  PngEncoder encoder;
  const auto file = encoder.encode(content);
  if (file.empty()) throw SystemError("Cannot write " + path.string(), "libpng: " + encoder.message(), "");
  io_detail::write_file_bytes(path, file);
}

}  // namespace

void write_png(const std::filesystem::path& path, const Image& image) {
  write(path, {.height = image.height, .width = image.width, .bytes = image.pixels, .palette = {}}, 3);
}

void write_palette_png(const std::filesystem::path& path, std::span<const std::uint8_t> indices, int height, int width,
                       const Palette& palette) {
  std::array<png_color, palette_entries> entries{};
  for (int i = 0; i < palette_entries; ++i) {
    const bool has_colour = i < palette_entries - 1 && static_cast<std::size_t>(i) < palette.colours.size();
    const Colour colour = palette.of(has_colour ? i : -1);
    entries[static_cast<std::size_t>(i)] = {colour.red, colour.green, colour.blue};
  }
  write(path,
        {.height = height, .width = width, .colour_type = PNG_COLOR_TYPE_PALETTE, .bytes = indices, .palette = entries},
        1);
}

void write_grey_png(const std::filesystem::path& path, std::span<const std::uint8_t> levels, int height, int width) {
  write(path, {.height = height, .width = width, .colour_type = PNG_COLOR_TYPE_GRAY, .bytes = levels, .palette = {}},
        1);
}

void write_grey16_png(const std::filesystem::path& path, std::span<const std::uint16_t> levels, int height, int width) {
  std::vector<std::uint8_t> bytes(levels.size() * 2);
  for (std::size_t i = 0; i < levels.size(); ++i) {
    bytes[2 * i] = static_cast<std::uint8_t>(levels[i] >> 8U);
    bytes[2 * i + 1] = static_cast<std::uint8_t>(levels[i] & 0xFFU);
  }
  write(path,
        {.height = height,
         .width = width,
         .colour_type = PNG_COLOR_TYPE_GRAY,
         .bit_depth = 16,
         .bytes = bytes,
         .palette = {}},
        2);
}

}  // namespace datus
