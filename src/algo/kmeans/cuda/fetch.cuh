// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include <cuda_pipeline.h>

namespace datus::clustering::gpu {

/// Starts to copy `T::depth` coordinates, from `begin` on, of `wanted` rows of [existing, pitch] to shared memory,
/// where rows are `T::stride` apart. Coordinates that do not exist are zero; in the place of rows that do not exist
/// comes the last one: nobody looks at what becomes of it. For all `T::threads` threads of a block.
template <class T, int wanted>
__device__ inline void fetch(float* to, const float* values, int existing, int pitch, int begin) {
  constexpr int parts = T::depth / 4;
  const int part = static_cast<int>(threadIdx.x) % parts * 4;
  const bool inside = begin + part < pitch;
  const float* const from = values + (inside ? begin + part : 0);
  const std::size_t zeros = inside ? 0 : 16;
#pragma unroll
  for (int i = 0; i < wanted * parts / T::threads; ++i) {
    const int row = static_cast<int>(threadIdx.x) / parts + i * (T::threads / parts);
    const int existing_row = row < existing ? row : existing - 1;
    __pipeline_memcpy_async(to + row * T::stride + part, from + existing_row * pitch, 16, zeros);
  }
}

}  // namespace datus::clustering::gpu
