// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/gpu_affinity.hpp"
#include "datus/core/parallel.hpp"

#include <algorithm>
#include <cstdint>

namespace datus {

/// Takes images 0 ... count - 1 through a GPU (`GpuAffinity`, or what works in chunks as it does), which works on one
/// chunk or two while `threads` threads use what it made of another. stage(image, place) stages one for its place in
/// the next chunk, use(image, place) uses what was made of it, both from any thread. Throws as they and the GPU do;
/// chunks may be under way then.
template <class Gpu, class Stage, class Use>
void work_in_chunks(Gpu& gpu, std::int64_t count, int threads, const Stage& stage, const Use& use) {
  const std::int64_t step = gpu.capacity();
  const auto size_of = [&](std::int64_t chunk) { return std::clamp(count - chunk * step, std::int64_t{0}, step); };
  const auto submit = [&](std::int64_t chunk) {
    if (size_of(chunk) > 0) gpu.submit(static_cast<int>(size_of(chunk)));
  };
  for (std::int64_t chunk = 0; chunk < GpuAffinity::depth; ++chunk) {
    parallel_for(size_of(chunk), threads, [&](std::int64_t i) { stage(chunk * step + i, static_cast<int>(i)); });
    submit(chunk);
  }
  for (std::int64_t chunk = 0; size_of(chunk) > 0; ++chunk) {
    gpu.take();
    const std::int64_t ahead = chunk + GpuAffinity::depth;
    parallel_for(size_of(chunk), threads, [&](std::int64_t i) {
      if (i < size_of(ahead)) stage(ahead * step + i, static_cast<int>(i));
      use(chunk * step + i, static_cast<int>(i));
    });
    submit(ahead);
  }
}

}  // namespace datus
