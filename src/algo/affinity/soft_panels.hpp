// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/affinity/kernels.hpp"
#include "algo/affinity/soft_weights.hpp"

// For the files of paths only, each with a copy of its own: see kernels.hpp.

namespace datus::affinity {

/// weights[c] = soft_weight(cosines[c], scale) for panel_width values at cache lines.
template <class Registers>
static void fill_soft_weights(const float* cosines, float scale, float* weights) {
  using Floats = typename Registers::Floats;
  constexpr int width = sizeof(Floats) / sizeof(float);
  for (int c = 0; c < panel_width; c += width) {
    *reinterpret_cast<Floats*>(weights + c) =
        soft_weight<Registers>(*reinterpret_cast<const Floats*>(cosines + c), scale);
  }
}

}  // namespace datus::affinity
