// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/lloyd.hpp"
#include "algo/kmeans/row_weights.hpp"
#include "datus/algo/kmeans.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace datus::clustering {

/// What one iteration found for one pair, over all ranks.
struct Found {
  /// Rows that got another label.
  std::int64_t moved = 0;
  /// Rows whose inertia is too large for its scale, or not a number.
  std::int64_t unrepresentable = 0;
  /// [K]: the rows of each cluster.
  std::vector<std::int64_t> counts;
  /// [K]: the inertia of each cluster.
  std::vector<double> inertia;
  /// [K, D]: the mean of each cluster's rows, or its current centroid where it has none; empty where the pair's rows
  /// are assigned for the last time.
  std::vector<double> means;
  /// [K, D], and in a precise pair the rests behind them: the sums of each cluster's rows, where the means are of use
  /// and one has none; empty otherwise.
  std::vector<std::int64_t> sums;

  [[nodiscard]] bool has_empty() const { return std::ranges::find(counts, 0) != counts.end(); }
};

struct Iteration {
  std::vector<Found> pairs;
  /// Whether some rank was asked to stop.
  bool stop = false;
};

/// The passes over a rank's rows, with the one collective that belongs to each: on threads of the processor, or on a
/// GPU. Both give the same bits. Labels and totals of the rows stay inside; what comes out is the same on all ranks.
class Engine {
 public:
  Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  Engine(Engine&&) = delete;
  Engine& operator=(Engine&&) = delete;
  virtual ~Engine() = default;

  /// Whether it has pairs that are precise, and rows that are.
  [[nodiscard]] virtual bool is_for_precise() const = 0;
  /// COLLECTIVE. Makes room for these pairs, which must stay where they are: no row is assigned yet.
  virtual void begin(std::span<WorkingPair> pairs) = 0;
  /// Assigns the rows to the centroids before the last update, for pairs that had begun before an interruption.
  virtual void restore(std::span<WorkingPair* const> pairs) = 0;
  /// COLLECTIVE. Assigns the rows of these pairs to their centroids in one pass, and sums up over the ranks.
  [[nodiscard]] virtual Iteration iterate(std::span<WorkingPair* const> pairs, bool stop_requested) = 0;
  /// The local rows' labels after the last `iterate`; valid until the next.
  [[nodiscard]] virtual std::span<const std::int32_t> labels_of(WorkingPair& pair) = 0;
  /// Gives back what pairs do not need any more. Those that are done have `WorkingPair::assignment` from now on, but
  /// for the ones that are beaten (see `is_beaten`).
  virtual void release(std::span<WorkingPair> pairs) = 0;
  /// COLLECTIVE. The rows' weights of k-means++, for `draws` pairs.
  [[nodiscard]] virtual std::unique_ptr<RowWeights> weigh_rows(std::size_t draws) = 0;
};

[[nodiscard]] std::unique_ptr<Engine> make_thread_engine(const Context& context);

/// COLLECTIVE. Brings the rows to the GPU, as many as its memory can hold. `other_bytes`: what this rank will need
/// there beside them. Not for rows and pairs that are precise. Throws `AgreedError` where that fails on a rank, also
/// for want of memory; `SystemError` in a build without CUDA. `context` must outlive it.
[[nodiscard]] std::unique_ptr<Engine> make_gpu_engine(const Context& context, const KMeansGpu& gpu,
                                                      std::int64_t other_bytes);

}  // namespace datus::clustering
