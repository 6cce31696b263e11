// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/embeddings_by_image.hpp"

#include "datus/core/parallel.hpp"
#include "pipeline/stages/dense_labels.hpp"
#include "pipeline/stages/gpu_chunks.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace datus {

void for_each_compared(const KeysFile& keys, std::optional<double> smoothing, const SmoothingPlace& place,
                       const std::function<void(std::size_t image, std::span<const float> embeddings)>& use) {
  std::optional<GpuSmoothing> lent;
  if (smoothing && place.gpu != nullptr && keys.size() > 0) {
    lent = place.gpu->lend_where_it_fits(keys.grid.patches(), keys.dim, *smoothing, place.threads);
  }
  if (!lent) {
    parallel_for(keys.size(), place.threads, [&](std::int64_t i) {
      const auto image = static_cast<std::size_t>(i);
      std::vector<float> room;
      use(image, compared_embeddings(keys.keys_of(image, room), keys.dim, smoothing, keys.valid_of(image)));
    });
    return;
  }
  GpuSmoothing& gpu = *lent;
  const std::size_t values = keys.values_per_image();
  const auto stage = [&](std::int64_t i, int in_chunk) {
    const auto image = static_cast<std::size_t>(i);
    if (place.keys != nullptr) return gpu.stage(in_chunk, *place.keys, image, keys.valid_of(image));
    keys.keys.visit([&](const auto& all) {
      gpu.stage(in_chunk, std::span(all).subspan(image * values, values), keys.valid_of(image));
    });
  };
  work_in_chunks(gpu, keys.size(), place.threads, stage, [&](std::int64_t image, int in_chunk) {
    use(static_cast<std::size_t>(image), gpu.smoothed(in_chunk));
  });
  place.gpu->give_back(*std::move(lent));
}

}  // namespace datus
