// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/scores/pixel_scan_kernels.hpp"

// The source of both paths of pixel_scan_kernels.hpp, which compile it for their instruction set. Everything here has
// internal linkage and calls nothing: the linker keeps one copy of a shared inline function, which would bring AVX2
// code into the scalar path.

namespace datus::pixel_scan_kernels {
namespace {

void mark(const Rows& rows, std::size_t width, std::uint8_t* __restrict flags) {
  const std::int32_t* __restrict prediction = rows.prediction;
  const std::int32_t* __restrict prediction_below = rows.prediction_below;
  const std::int32_t* __restrict truth = rows.truth;
  const std::int32_t* __restrict truth_below = rows.truth_below;
  for (std::size_t x = 0; x + 1 < width; ++x) {
    const std::int32_t cluster = prediction[x];
    const std::int32_t label = truth[x];
    // All bits, or none. -1 is void.
    const std::int32_t other_right = -static_cast<std::int32_t>(cluster != prediction[x + 1]);
    const std::int32_t class_right = -static_cast<std::int32_t>(label != truth[x + 1]);
    const std::int32_t other_below = -static_cast<std::int32_t>(cluster != prediction_below[x]);
    const std::int32_t class_below = -static_cast<std::int32_t>(label != truth_below[x]);
    const std::int32_t counts_right = -static_cast<std::int32_t>((label | truth[x + 1]) >= 0);
    const std::int32_t counts_below = -static_cast<std::int32_t>((label | truth_below[x]) >= 0);
    const std::int32_t predicted = (other_right & counts_right) | (other_below & counts_below);
    const std::int32_t real = (class_right & counts_right) | (class_below & counts_below);
    const std::int32_t end = other_right | class_right;
    flags[x] = static_cast<std::uint8_t>((predicted & predicted_flag) | (real & real_flag) | (end & end_flag));
  }
}

}  // namespace
}  // namespace datus::pixel_scan_kernels
