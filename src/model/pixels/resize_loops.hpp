// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/pixels/resize_kernels.hpp"

// What both paths of resize_kernels.hpp share: resize_baseline.cpp and resize_avx2.cpp compile it for their instruction
// set. Everything here has internal linkage and calls no library template: the linker keeps one copy of a shared inline
// function, which would bring AVX2 code into the baseline path.

namespace datus::resize_kernels {
namespace {

constexpr std::int32_t half_unit = std::int32_t{1} << (weight_bits - 1);

std::uint8_t to_byte(std::int32_t sum) {
  const std::int32_t value = sum >> weight_bits;
  return static_cast<std::uint8_t>(value < 0 ? 0 : (value > 255 ? 255 : value));
}

inline void widen(TwoRows<const std::uint8_t> from, std::size_t begin, std::size_t end, WidePixels* wide) {
  for (std::size_t x = begin; x < end; ++x) {
    const std::uint8_t* first = from.first + 3 * x;
    const std::uint8_t* second = from.second + 3 * x;
    wide[x] = {{first[0], first[1], first[2], 0, second[0], second[1], second[2], 0}};
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
