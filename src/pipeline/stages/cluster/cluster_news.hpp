// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/kmeans_state.hpp"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

namespace datus {

/// "57 passes, K = 20: 40 iterations, the last lowered the inertia by 0.031 %, K = 27: done after 38": of the start
/// that is at work for each K.
[[nodiscard]] std::string cluster_news(std::int64_t passes, const KMeansState& state);

/// How far k-means is, for a line of progress: passes as they are made, iterations as of the last state that it was
/// told. From any thread.
class ClusterNews {
 public:
  void pass_begins() { passes_.fetch_add(1, std::memory_order_relaxed); }
  void tell(const KMeansState& state);
  [[nodiscard]] std::string text() const;

 private:
  std::atomic<std::int64_t> passes_{0};
  mutable std::mutex mutex_;
  KMeansState state_;  ///< without centroids
};

}  // namespace datus
