// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/kernels.hpp"

#include <cstdint>

// Included by files that are compiled for one instruction set: see kernels.hpp.

namespace datus::clustering {

/// `Kernels::nearest_two` of each SIMD path that has a file of its own for it.
void avx2_nearest_two(const float* rows, std::int64_t count, const PackedView& centroids, std::int32_t* labels,
                      float* lowest, float* second);
void avx512_nearest_two(const float* rows, std::int64_t count, const PackedView& centroids, std::int32_t* labels,
                        float* lowest, float* second);

}  // namespace datus::clustering
