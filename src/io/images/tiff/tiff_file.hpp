// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <tiffio.h>

namespace datus::io_detail {

/// A TIFF file in memory, at its first page. libtiff's messages stay with it.
class TiffFile {
 public:
  /// Throws `FormatError` for what is no TIFF file.
  explicit TiffFile(std::span<const std::uint8_t> bytes);
  ~TiffFile() { TIFFClose(tiff_); }
  TiffFile(const TiffFile&) = delete;
  TiffFile& operator=(const TiffFile&) = delete;
  TiffFile(TiffFile&&) = delete;
  TiffFile& operator=(TiffFile&&) = delete;

  [[nodiscard]] TIFF* get() const noexcept { return tiff_; }
  /// The value of a tag, or its default by the standard; 0 where there is neither.
  template <class Value>
  [[nodiscard]] Value value(std::uint32_t tag) const {
    Value found{};
    return TIFFGetFieldDefaulted(tiff_, tag, &found) == 1 ? found : Value{};
  }
  /// Throws `FormatError` with libtiff's first complaint.
  [[noreturn]] void refuse() const;
  /// Throws when the pixels read so far are not right, though libtiff went on.
  void require_sound_pixels() const;

 private:
  // What libtiff calls; `handle` is this object.
  static tmsize_t on_read(thandle_t handle, void* to, tmsize_t count);
  static tmsize_t on_write(thandle_t handle, void* from, tmsize_t count);
  static toff_t on_seek(thandle_t handle, toff_t offset, int whence);
  static int on_close(thandle_t handle);
  static toff_t on_size(thandle_t handle);
  static int on_error(TIFF* tiff, void* self, const char* module, const char* format, va_list arguments);
  static int on_warning(TIFF* tiff, void* self, const char* module, const char* format, va_list arguments);

  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
  std::string complaint_;  ///< the first error
  std::string doubt_;      ///< the first warning of the library of JPEG: of damage that it fills with grey
  TIFF* tiff_ = nullptr;
};

}  // namespace datus::io_detail
