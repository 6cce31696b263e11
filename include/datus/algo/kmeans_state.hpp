// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace datus {

enum class KMeansPhase {
  /// The first centroids are being chosen.
  seeding,
  iterating,
  /// The centroids are final, the rows are not yet assigned to them.
  assigning,
  done,
};

/// What mini-batch k-means knows of a pair between two batches.
struct MiniBatchProgress {
  /// [K]: rows that each centroid is the mean of, so far.
  std::vector<std::int64_t> weights;
  /// Batches done, over all epochs.
  std::int64_t batches = 0;
  /// Exponentially weighted mean of the batches' inertia per row, and the lowest one so far.
  double smoothed = 0.0;
  double lowest = 0.0;
  /// Batches since the lowest.
  std::int64_t without_improvement = 0;
  friend bool operator==(const MiniBatchProgress&, const MiniBatchProgress&) = default;
};

/// All that must be kept of one (K, restart) pair to go on with it: the same on all ranks, whatever their number, and
/// without anything of the rows' size.
struct KMeansPair {
  int clusters = 0;
  int restart = 0;
  KMeansPhase phase = KMeansPhase::seeding;
  /// [K, D], relative to `KMeansResult::origin`; while seeding with k-means++ the rows chosen so far.
  std::vector<double> centroids;
  /// [K, D] while iterating, from the end of the first iteration on: the centroids before the last update. The rows'
  /// current assignment is to these, so one pass brings it back.
  std::vector<double> previous;
  /// The rows are so near to their centroids that f32 cannot hold these: see `kmeans`.
  bool precise = false;
  /// Iterations that it had done when it became so.
  std::int64_t precise_since = 0;
  /// See `KMeansResult`.
  std::vector<double> inertia;
  double final_inertia = 0.0;
  bool converged = false;
  std::int64_t repairs = 0;
  MiniBatchProgress mini_batch;
  friend bool operator==(const KMeansPair&, const KMeansPair&) = default;
};

/// k-means between two passes over the rows: what a checkpoint holds.
struct KMeansState {
  /// Of the rows: their number, length and every bit of them.
  std::string data;
  /// Of the settings on which a pair depends: not the other values of K, nor the number of restarts.
  std::string settings;
  /// Ordered by K as asked for, then by restart.
  std::vector<KMeansPair> pairs;
  friend bool operator==(const KMeansState&, const KMeansState&) = default;
};

}  // namespace datus
