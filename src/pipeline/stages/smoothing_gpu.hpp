// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/gpu_smoothing.hpp"
#include "datus/config/config.hpp"
#include "pipeline/stages/last_used.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace datus {

/// A GPU that smoothes the embeddings of stages describe and mask. It outlives the shards, so that its memory is
/// allocated once.
///
/// Not collective; one shard at a time uses it.
class SmoothingGpu {
 public:
  /// GPU `index` as `survey_gpus` counts them. Nothing is allocated yet.
  explicit SmoothingGpu(int index) : index_(index) {}

  /// Whether a stage smoothes embeddings with these settings: descriptors of stored embeddings, and masks that compare
  /// pixels with them.
  [[nodiscard]] static bool describes(const Config& config);
  [[nodiscard]] static bool masks(const Config& config);
  /// What `lend` allocates on the GPU.
  [[nodiscard]] static std::int64_t bytes(int nodes, int dim, int threads);

  /// Streams and memory for images of that shape, in chunks that keep `threads` threads busy: those that came back last
  /// where they fit, or new ones. What is not given back is gone, as it must be after an error. Throws as
  /// `GpuSmoothing`.
  [[nodiscard]] GpuSmoothing lend(int nodes, int dim, double temperature, int threads);
  /// The same, or nothing where the GPU's memory does not suffice, which others may have taken: that is said once, and
  /// the processor smoothes from then on.
  [[nodiscard]] std::optional<GpuSmoothing> lend_where_it_fits(int nodes, int dim, double temperature, int threads);
  void give_back(GpuSmoothing&& smoothing) { smoothing_.give_back(std::move(smoothing)); }

 private:
  struct Shape {
    int nodes = 0;
    int dim = 0;
    int images = 0;
    double temperature = 0;
    friend bool operator==(const Shape&, const Shape&) = default;
  };

  int index_;
  bool is_too_small_ = false;
  LastUsed<GpuSmoothing, Shape> smoothing_;
};

/// The one of this rank; null where it has no GPU, or should take none for it.
[[nodiscard]] std::unique_ptr<SmoothingGpu> smoothing_on_gpu(const std::optional<int>& gpu, bool is_wanted);

}  // namespace datus
