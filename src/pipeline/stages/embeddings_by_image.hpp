// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/gpu_keys.hpp"
#include "pipeline/files/keys_file.hpp"
#include "pipeline/stages/smoothing_gpu.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <span>

namespace datus {

/// Where embeddings are smoothed: by the threads, or on a GPU.
struct SmoothingPlace {
  int threads = 1;
  SmoothingGpu* gpu = nullptr;
  const GpuKeys* keys = nullptr;  ///< the embeddings of the file, image by image, where they lie on the GPU still
};

/// Calls use(image, its embeddings [P, dim] as `compared_embeddings` has them) for each image of a file, from any
/// thread; they are there until it returns. On a GPU they have the same bits. Throws as `use`, `compared_embeddings`
/// and `GpuSmoothing` do.
void for_each_compared(const KeysFile& keys, std::optional<double> smoothing, const SmoothingPlace& place,
                       const std::function<void(std::size_t image, std::span<const float> embeddings)>& use);

}  // namespace datus
