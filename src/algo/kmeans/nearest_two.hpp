#pragma once

#include "algo/kmeans/kernels.hpp"
#include "datus/algo/simd_path.hpp"

#include <cstdint>

// Included by files that are compiled for one instruction set: see kernels.hpp.

namespace datus::lloyd {

/// For up to `strip_rows` rows f32 [count, D]: the label and the score that `Kernels::nearest` gives, and the lowest
/// score among the other centroids (infinite where there is none, or where all of them overflow). All paths give the
/// same numbers; only the sign of a score of zero may differ.
using NearestTwo = void (*)(const float* rows, std::int64_t count, const PackedView& centroids, std::int32_t* labels,
                            float* lowest, float* second);

[[nodiscard]] NearestTwo scalar_nearest_two();
[[nodiscard]] NearestTwo avx2_nearest_two();
[[nodiscard]] NearestTwo avx512_nearest_two();

/// Throws `UsageError` when this CPU cannot run `path`.
[[nodiscard]] NearestTwo nearest_two_of(SimdPath path);

}  // namespace datus::lloyd
