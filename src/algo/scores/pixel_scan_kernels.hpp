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
struct Rows {
  const std::int32_t* prediction;
  const std::int32_t* prediction_below;
  const std::int32_t* truth;
  const std::int32_t* truth_below;
};

/// Flags of all pixels but the last of a row of `width`, which has no right neighbour, and is left as it is.
using RowPass = void(const Rows& rows, std::size_t width, std::uint8_t* flags);

RowPass mark_scalar;
RowPass mark_avx2;

}  // namespace datus::pixel_scan_kernels
