// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/pixels/resize_kernels.hpp"

#include <cstring>

// The source of both paths of resize_kernels.hpp: resize_baseline.cpp and resize_avx2.cpp compile it for their
// instruction set. Everything here has internal linkage and calls no library template: the linker keeps one copy of a
// shared inline function, which would bring AVX2 code into the baseline path.

namespace datus::resize_kernels {
namespace {

constexpr std::int32_t half_unit = std::int32_t{1} << (weight_bits - 1);

/// Four int32 side by side; GCC's and Clang's vector extension maps it to whatever registers there are.
typedef std::int32_t Lanes __attribute__((vector_size(16)));

Lanes load(const WidePixel& pixel) {
  Lanes lanes;
  std::memcpy(&lanes, pixel.lanes, sizeof lanes);
  return lanes;
}

std::uint8_t to_byte(std::int32_t sum) {
  const std::int32_t value = sum >> weight_bits;
  return static_cast<std::uint8_t>(value < 0 ? 0 : (value > 255 ? 255 : value));
}

void horizontal(const WidePixel* row, const Window* windows, std::size_t count, std::uint8_t* __restrict to) {
  for (std::size_t x = 0; x < count; ++x) {
    const Window window = windows[x];
    const WidePixel* pixels = row + window.first;
    // Two sums, so that one addition need not wait for the other. The order does not matter to integers.
    Lanes even = {half_unit, half_unit, half_unit, half_unit};
    Lanes odd = {};
    int tap = 0;
    for (; tap + 1 < window.count; tap += 2) {
      even += load(pixels[tap]) * window.weights[tap];
      odd += load(pixels[tap + 1]) * window.weights[tap + 1];
    }
    if (tap < window.count) even += load(pixels[tap]) * window.weights[tap];
    even += odd;
    for (int channel = 0; channel < 3; ++channel) *to++ = to_byte(even[channel]);
  }
}

/// `length` is a constant in the loop that matters, so that the compiler keeps all sums in registers.
inline __attribute__((always_inline)) void vertical_block(const std::uint8_t* from, std::size_t stride,
                                                          const Window& window, std::size_t length,
                                                          std::uint8_t* __restrict to) {
  std::int32_t sums[64];
  for (std::size_t i = 0; i < length; ++i) sums[i] = half_unit;
  for (int tap = 0; tap < window.count; ++tap, from += stride) {
    const std::int32_t weight = window.weights[tap];
    for (std::size_t i = 0; i < length; ++i) sums[i] += from[i] * weight;
  }
  for (std::size_t i = 0; i < length; ++i) to[i] = to_byte(sums[i]);
}

void vertical(const std::uint8_t* from, std::size_t stride, const Window& window, std::size_t bytes,
              std::uint8_t* __restrict to) {
  constexpr std::size_t block = 64;
  from += static_cast<std::size_t>(window.first) * stride;
  std::size_t done = 0;
  for (; done + block <= bytes; done += block) vertical_block(from + done, stride, window, block, to + done);
  if (done < bytes) vertical_block(from + done, stride, window, bytes - done, to + done);
}

}  // namespace
}  // namespace datus::resize_kernels
