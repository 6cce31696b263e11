// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/error.hpp"
#include "datus/core/image.hpp"
#include "support/errors.hpp"
#include "support/golden.hpp"
#include "support/temp_folder.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {

using Bytes = std::vector<std::uint8_t>;

inline Bytes read_file(const std::filesystem::path& path) {
  const std::string bytes = bytes_of(path);
  return {bytes.begin(), bytes.end()};
}

/// Writes a file, making its folders.
template <class Characters>
std::filesystem::path write_file(const std::filesystem::path& path, const Characters& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::filesystem::remove(path);  // ext4 flushes a file that is emptied and written again to the disk
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
  return path;
}
inline std::filesystem::path write_text(const std::filesystem::path& path, std::string_view text) {
  return write_file(path, text);
}

/// A smooth picture with different values in all channels.
inline Image test_picture(int height, int width) {
  Image image(height, width);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    const double x = static_cast<double>(i / 3 % static_cast<std::size_t>(width));
    const double y = static_cast<double>(i / 3 / static_cast<std::size_t>(width));
    const double phase = 0.11 * x + 0.07 * y + 2.0 * static_cast<double>(i % 3);
    image.pixels[i] = static_cast<std::uint8_t>(std::lround(127.5 + 120 * std::sin(phase)));
  }
  return image;
}

inline int largest_difference(const Bytes& a, const Bytes& b) {
  if (a.size() != b.size()) return 256;
  int largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(int{a[i]} - int{b[i]}));
  return largest;
}

/// `bytes` of a JPEG with an EXIF segment of the given orientation behind the start of the image.
inline Bytes with_orientation(const Bytes& bytes, std::uint8_t orientation) {
  const Bytes exif = {0xFF, 0xE1, 0,    34,   'E', 'x', 'i', 'f', 0, 0, 'M', 'M',         0, 42, 0, 0, 0, 8,
                      0,    1,    0x01, 0x12, 0,   3,   0,   0,   0, 1, 0,   orientation, 0, 0,  0, 0, 0, 0};
  Bytes result(bytes.begin(), bytes.begin() + 2);
  result.insert(result.end(), exif.begin(), exif.end());
  result.insert(result.end(), bytes.begin() + 2, bytes.end());
  return result;
}

/// `bytes` of a JPEG with stray bytes between its first two segments: libjpeg warns, and the picture is whole.
inline Bytes with_stray_bytes(const Bytes& bytes) {
  Bytes result = bytes;
  const auto second = 4 + (bytes[4] << 8U | bytes[5]);
  result.insert(result.begin() + second, {1, 2, 3, 4});
  return result;
}

}  // namespace datus::test
