// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/affinity/soft_weights.hpp"
#include "datus/core/cuda/launch.hpp"

#include <cstdint>

namespace datus::affinity {

/// The value of a thread of a GPU for `soft_weight`.
struct OneRegister {
  using Floats = float;
  using Integers = std::int32_t;
  __device__ static std::int32_t integers_of(float whole) { return static_cast<std::int32_t>(whole); }
  __device__ static float floats_of_bits(std::int32_t bits) { return __uint_as_float(static_cast<unsigned>(bits)); }
};

}  // namespace datus::affinity
