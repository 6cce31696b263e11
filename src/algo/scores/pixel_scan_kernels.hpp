// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

// The inner loop of `scan_pixels`, once for what every CPU of the build's target has and once for CPUs with AVX2.

namespace datus::pixel_scan_kernels {

/// Flags of a pixel.
inline constexpr int predicted_flag = 1;
inline constexpr int real_flag = 2;
inline constexpr int end_flag = 4;

/// A row of two maps, and the one below (or the same again: then nothing differs from it).
template <class Label>
struct Rows {
  const Label* prediction;
  const Label* prediction_below;
  const Label* truth;
  const Label* truth_below;
};

/// Flags of all pixels but the last of a row of `width`, which has no right neighbour, and is left as it is.
template <class Label>
using RowPass = void(const Rows<Label>& rows, std::size_t width, std::uint8_t* flags);

RowPass<std::int32_t> mark_scalar;
RowPass<std::int32_t> mark_avx2;
RowPass<std::uint8_t> mark_scalar;
RowPass<std::uint8_t> mark_avx2;

}  // namespace datus::pixel_scan_kernels
