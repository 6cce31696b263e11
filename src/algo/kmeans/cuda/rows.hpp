// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/cuda/views.hpp"
#include "datus/algo/kmeans_rows.hpp"
#include "datus/core/cuda/memory.hpp"
#include "datus/core/cuda/stream.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>

namespace datus::clustering::gpu {

/// A rank's rows for the GPU: as many as its memory may hold stay there, the others are brought there piece by piece in
/// each pass, one piece on its way while kernels work on the rows before.
class DeviceRows {
 public:
  /// On the GPU in use. `limit`: bytes that rows may take there. Those that stay are read and brought there now. `rows`
  /// must outlive it. Throws `DeviceMemoryError`, and what reading `rows` throws.
  DeviceRows(const KMeansRows& rows, int threads, std::int64_t limit);

  /// The most rows of a slab.
  [[nodiscard]] std::int64_t slab_rows() const { return std::max(resident_rows_, piece_rows_); }
  /// One pass: calls `body` with slabs that together are all rows, in order. What it puts into `stream` has the slab's
  /// values, and nothing else may use them.
  void for_each_slab(const cuda::Stream& stream, const std::function<void(const Slab&)>& body);

 private:
  /// Reads rows [begin, begin + count) and sends them to `to`, through one of two pieces of pinned memory.
  void send(std::int64_t begin, std::int64_t count, std::size_t turn, float* to);
  /// Brings the first rows, which stay.
  void bring_resident_rows();

  const KMeansRows& rows_;
  int threads_;
  int pitch_;
  /// The first rows stay on the GPU; the others come in pieces of so many.
  std::int64_t resident_rows_ = 0;
  std::int64_t piece_rows_ = 0;
  cuda::DeviceArray<float> resident_;
  std::array<cuda::DeviceArray<float>, 2> pieces_;
  std::array<cuda::PinnedArray<float>, 2> staging_;
  std::array<cuda::Event, 2> sent_;
  std::array<cuda::Event, 2> used_;
  cuda::Stream copies_;
};

}  // namespace datus::clustering::gpu
