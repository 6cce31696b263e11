// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/gpu_affinity.hpp"
#include "datus/algo/gpu_keys.hpp"
#include "datus/config/config.hpp"
#include "pipeline/stages/last_used.hpp"

#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

namespace datus {

/// A GPU that makes the affinity graphs of stage segment. It outlives the shards, so that its memory is allocated once.
///
/// Not collective; one call of `segment_keys` at a time uses it.
class SegmentGpu {
 public:
  /// GPU `index` as `survey_gpus` counts them. Nothing is allocated yet.
  explicit SegmentGpu(int index) : index_(index) {}

  /// Whether graphs of these settings are made on the GPU. With weights that are affinities, and with quantiles, each
  /// edge depends on all of an image's affinities: these graphs stay on the CPU, which is said in the log, once.
  /// Without communities there are no graphs.
  [[nodiscard]] bool makes(const Config& config);
  /// The same, without a word.
  [[nodiscard]] static bool takes(const Config& config);
  /// What `lend` allocates on the GPU.
  [[nodiscard]] static std::int64_t bytes(int nodes, int dim, const AffinityOptions& options, int threads);

  /// Streams and memory for images of that shape, in chunks that keep `threads` threads busy: those that came back last
  /// where they fit, or new ones. What is not given back is gone, as it must be after an error. Throws as
  /// `GpuAffinity`.
  [[nodiscard]] GpuAffinity lend(int nodes, int dim, const AffinityOptions& options, int threads);
  void give_back(GpuAffinity&& affinity) { affinity_.give_back(std::move(affinity)); }

  /// Memory where the model leaves embeddings on this GPU (`keeps_keys_on_gpu`): that of a shard which is done, or new.
  /// So many are in use at the same time: of the shard that is in the model, of the one before it, and of the one whose
  /// segments are looked for and which is described then. From any thread.
  static constexpr int shards_on_gpu = 3;
  [[nodiscard]] GpuKeys lend_keys(const GpuKeys::Shape& shape);
  void give_back(GpuKeys&& keys);

 private:
  struct Shape {
    int nodes = 0;
    int dim = 0;
    int images = 0;
    AffinityOptions options;
    friend bool operator==(const Shape&, const Shape&) = default;
  };

  int index_;
  LastUsed<GpuAffinity, Shape> affinity_;
  bool said_ = false;
  std::mutex mutex_;  ///< guards `keys_`
  std::vector<GpuKeys> keys_;
};

}  // namespace datus
