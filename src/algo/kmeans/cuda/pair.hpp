// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/cuda/kernels.hpp"
#include "algo/kmeans/engine.hpp"
#include "datus/core/cuda/memory.hpp"
#include "datus/core/cuda/stream.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace datus::clustering::gpu {

/// One (K, restart) pair in the memory of the GPU: its centroids, its rows' labels, their totals.
class DevicePair {
 public:
  /// Not initialised yet, but for the labels: -1, as work of `stream`.
  DevicePair(const Context& context, const KMeansPair& pair, const cuda::Stream& stream);

  /// Numbers that this pair adds to the iteration's collective: what a pass found, and the totals where they are
  /// needed.
  [[nodiscard]] std::int64_t packed_size() const { return size_; }
  /// Before a pass: these centroids [K, D], and nothing found yet. As work of `stream`; waited for before the next.
  void start_pass(std::span<const double> centroids, const cuda::Stream& stream);
  [[nodiscard]] CentroidView centroids() const { return {centroids_.data(), norms_.data(), clusters_}; }
  [[nodiscard]] PairView view();
  /// This rank's numbers, to be summed over the ranks.
  void pack(std::int64_t* packed, const cuda::Stream& stream) const;
  /// The sums of all ranks: makes of them what the host needs and sends it there.
  void send_found(std::int64_t* packed, const cuda::Stream& stream);
  /// What was sent, once the stream has been waited for, and of `packed` what is needed besides.
  [[nodiscard]] Found found(const std::int64_t* packed, const cuda::Stream& stream) const;
  /// [local rows], waits for the stream.
  [[nodiscard]] std::vector<std::int32_t> labels(const cuda::Stream& stream) const;

 private:
  /// Places in the packed numbers: moved, counts [K], squares [K], sums [K, D].
  static constexpr std::int64_t counts_at = 1;
  [[nodiscard]] std::int64_t squares_at() const { return counts_at + clusters_; }
  [[nodiscard]] std::int64_t sums_at() const { return squares_at() + clusters_; }
  /// Whether the next centroids follow from this pass.
  [[nodiscard]] bool iterating() const { return pair_.phase == KMeansPhase::iterating; }

  const KMeansPair& pair_;
  int clusters_;
  int dim_;
  int pitch_;
  Units units_;
  std::int64_t size_ = 0;
  cuda::DeviceArray<std::int32_t> labels_;
  cuda::DeviceArray<float> centroids_;
  cuda::DeviceArray<float> norms_;
  cuda::DeviceArray<float> means_;
  cuda::DeviceArray<double> inertia_;
  cuda::DeviceArray<std::int64_t> numbers_;
  cuda::PinnedArray<float> sent_centroids_;
  cuda::PinnedArray<float> found_means_;
  cuda::PinnedArray<double> found_inertia_;
  cuda::PinnedArray<std::int64_t> found_numbers_;
};

}  // namespace datus::clustering::gpu
