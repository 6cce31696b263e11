// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/scores/pixel_scan_kernels.hpp"

// The source of both paths of pixel_scan_kernels.hpp, which compile it for their instruction set. Everything here has
// internal linkage and calls nothing: the linker keeps one copy of a shared inline function, which would bring AVX2
// code into the scalar path.

namespace datus::pixel_scan_kernels {
namespace {

template <class Label>
void mark(const Rows<Label>& rows, std::size_t width, std::uint8_t* __restrict flags) {
  const Label* __restrict prediction = rows.prediction;
  const Label* __restrict prediction_below = rows.prediction_below;
  const Label* __restrict truth = rows.truth;
  const Label* __restrict truth_below = rows.truth_below;
  constexpr Label none = static_cast<Label>(-1);
  // All bits, or none.
  constexpr auto bits = [](bool yes) { return static_cast<Label>(yes ? -1 : 0); };
  for (std::size_t x = 0; x + 1 < width; ++x) {
    const Label cluster = prediction[x];
    const Label label = truth[x];
    const Label other_right = bits(cluster != prediction[x + 1]);
    const Label class_right = bits(label != truth[x + 1]);
    const Label other_below = bits(cluster != prediction_below[x]);
    const Label class_below = bits(label != truth_below[x]);
    const Label is_class = bits(label != none);
    const Label counts_right = is_class & bits(truth[x + 1] != none);
    const Label counts_below = is_class & bits(truth_below[x] != none);
    const Label predicted = (other_right & counts_right) | (other_below & counts_below);
    const Label real = (class_right & counts_right) | (class_below & counts_below);
    const Label end = other_right | class_right;
    flags[x] = static_cast<std::uint8_t>((predicted & predicted_flag) | (real & real_flag) | (end & end_flag));
  }
}

}  // namespace
}  // namespace datus::pixel_scan_kernels
