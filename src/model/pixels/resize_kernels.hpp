// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

// The inner loops of `resize_image`, once for what every CPU of the build's target has (*_baseline) and once for CPUs
// with AVX2. All arithmetic is on integers, so both give the same bits.

namespace datus::resize_kernels {

/// Fraction bits of the fixed-point weights.
inline constexpr int weight_bits = 22;

/// What one output pixel (or row) is made of: `count` consecutive source pixels (or rows) from `first` on, and a weight
/// for each.
struct Window {
  std::ptrdiff_t first = 0;
  int count = 0;
  const std::int32_t* weights = nullptr;
};

/// A pixel of each of two rows in the form that the horizontal pass multiplies: R, G, B and an unused lane, twice.
struct alignas(32) WidePixels {
  std::int32_t lanes[8];
};

/// Two rows of pixels, or of results.
template <class Byte>
struct TwoRows {
  Byte* first;
  Byte* second;
};

/// Pixels [begin, end) of two rows, three bytes each, to their places in `wide`.
using Widening = void(TwoRows<const std::uint8_t> from, std::size_t begin, std::size_t end, WidePixels* wide);
/// Weighted sums along two rows, three bytes of both rows of `to` for each of `count` windows.
using HorizontalPass = void(const WidePixels* rows, const Window* windows, std::size_t count, TwoRows<std::uint8_t> to);
/// Weighted sum of the rows of one window, `bytes` bytes each; row r of the source starts at `from + r * stride`.
using VerticalPass = void(const std::uint8_t* from, std::size_t stride, const Window& window, std::size_t bytes,
                          std::uint8_t* to);

Widening widen_baseline;
Widening widen_avx2;
HorizontalPass horizontal_baseline;
HorizontalPass horizontal_avx2;
VerticalPass vertical_baseline;
VerticalPass vertical_avx2;

}  // namespace datus::resize_kernels
