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

/// A source pixel in the form that the horizontal pass multiplies: R, G, B and an unused lane.
struct alignas(16) WidePixel {
  std::int32_t lanes[4];
};

/// Weighted sums along one row, three bytes of `to` for each of `count` windows.
using HorizontalPass = void(const WidePixel* row, const Window* windows, std::size_t count, std::uint8_t* to);
/// Weighted sum of the rows of one window, `bytes` bytes each; row r of the source starts at `from + r * stride`.
using VerticalPass = void(const std::uint8_t* from, std::size_t stride, const Window& window, std::size_t bytes,
                          std::uint8_t* to);

HorizontalPass horizontal_baseline;
HorizontalPass horizontal_avx2;
VerticalPass vertical_baseline;
VerticalPass vertical_avx2;

}  // namespace datus::resize_kernels
