// SPDX-License-Identifier: Apache-2.0
#include "model/pixels/resize_loops.hpp"

#include <cstring>

namespace datus::resize_kernels {
namespace {

/// Four int32 side by side; GCC's and Clang's vector extension maps it to whatever registers there are.
typedef std::int32_t Lanes __attribute__((vector_size(16)));

Lanes load(const WidePixels& pixels, std::size_t row) {
  Lanes lanes;
  std::memcpy(&lanes, pixels.lanes + 4 * row, sizeof lanes);
  return lanes;
}

}  // namespace

void widen_baseline(TwoRows<const std::uint8_t> from, std::size_t begin, std::size_t end, WidePixels* wide) {
  widen(from, begin, end, wide);
}

void horizontal_baseline(const WidePixels* rows, const Window* windows, std::size_t count, TwoRows<std::uint8_t> to) {
  for (std::size_t x = 0; x < count; ++x) {
    const Window window = windows[x];
    const WidePixels* pixels = rows + window.first;
    // Two sums, so that one addition need not wait for the other. The order does not matter to integers.
    Lanes first = {half_unit, half_unit, half_unit, half_unit};
    Lanes second = first;
    for (int tap = 0; tap < window.count; ++tap) {
      first += load(pixels[tap], 0) * window.weights[tap];
      second += load(pixels[tap], 1) * window.weights[tap];
    }
    for (int channel = 0; channel < 3; ++channel) {
      *to.first++ = to_byte(first[channel]);
      *to.second++ = to_byte(second[channel]);
    }
  }
}

void vertical_baseline(const std::uint8_t* from, std::size_t stride, const Window& window, std::size_t bytes,
                       std::uint8_t* to) {
  vertical(from, stride, window, bytes, to);
}

}  // namespace datus::resize_kernels
