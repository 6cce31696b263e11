#pragma once

#include "datus/algo/kmeans_rows.hpp"
#include "datus/algo/simd_path.hpp"
#include "datus/comm/communicator.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace datus {

/// Settings of `kmeans`. All but threads, path and stop_requested decide the result and must be equal on all ranks.
struct KMeansOptions {
  enum class Init {
    kmeans_plus_plus,  ///< Arthur and Vassilvitskii 2007, exact: each next centre is drawn by squared distance.
    random,            ///< K rows with different indices.
    given,             ///< The caller's centroids, for one K and one restart.
  };

  /// The values of K to compute, together and over the same passes of the rows.
  std::vector<int> clusters;
  Init init = Init::kmeans_plus_plus;
  /// Largest number of iterations, at least 1.
  int max_iterations = 300;
  /// Stop once an iteration lowers the inertia by no more than this fraction of it.
  double tolerance = 1e-4;
  /// Independent starts for each K; the one with the lowest final inertia is kept.
  int restarts = 1;
  std::uint64_t seed = 0;
  /// Threads of this rank.
  int threads = 1;
  SimdPath path = best_simd_path();
  /// Asked once per iteration on each rank, where set; the ranks agree on the answer in the iteration's own collective.
  std::function<bool()> stop_requested;
};

/// The outcome for one K.
struct KMeansResult {
  int clusters = 0;
  /// The restart that was kept.
  int restart = 0;
  /// [K, D].
  std::vector<float> centroids;
  /// [local rows]: the nearest stored centroid of each, the lowest index on ties.
  std::vector<std::int32_t> assignment;
  /// One per iteration: that of the assignment to the centroids with which the iteration began.
  std::vector<double> inertia;
  /// That of `assignment` to `centroids`.
  double final_inertia = 0.0;
  /// Stopped by itself: no row moved, or the tolerance was met.
  bool converged = false;
  /// Empty clusters that were refilled, over all iterations. Without any, inertia never rises (beyond rounding).
  std::int64_t repairs = 0;
  /// Sums of coordinates were held in units of 2^-sum_scale_log2, inertia in units of 2^-inertia_scale_log2.
  int sum_scale_log2 = 0;
  int inertia_scale_log2 = 0;
};

/// Lloyd's k-means, exact and to the bit the same for any number of ranks and threads, any split of the rows and any
/// SIMD path. COLLECTIVE. Returns one result for each entry of options.clusters, in that order.
///
/// Iteration t assigns every row to c_{t-1}, takes that assignment's inertia, and makes c_t from it. It stops when no
/// row moved, when (previous - current) <= tolerance * previous (from t = 2 on), or at the limit; in the last two cases
/// the rows are then assigned once more, to c_t, which is stored.
/// - score(x, c) = fmaf(-2, x.c, |c|^2) in f32; x.c and |c|^2 are chains of fmaf from +0 in index order. The lowest
///   score wins, the lowest index on ties. A row's inertia is max(0, |x|^2 + score) in f64, |x|^2 being the same chain.
/// - Sums and inertia are int64 in fixed point with power-of-two scales, each term rounded to nearest even.
/// - A centroid is (double)sum / ((double)count * 2^sum_scale_log2), rounded once to f32.
/// - Empty clusters j, in ascending order: k is the cluster with rows (or refilled already) that has the largest
///   inertia, the lowest index on ties; in even coordinates c_j = c_k * (1 + 2^-10) and c_k = c_k * (1 - 2^-10), in odd
///   ones the other way round; both then count with half of k's inertia (integer division).
/// - k-means++: round r takes the row with the smallest -log(u) / w, the lowest row on ties: exponential variables with
///   rates w, so that a row wins with probability w / sum of w. u is `kmeans_uniform(key, row, r)`; w is 1 in round 0,
///   then the smallest squared distance to a chosen row, in f64: fma chain in index order of (double)x - (double)c.
/// - random: the K rows with the smallest `kmeans_draw(key, row, 0)`, in that order, the lower row on ties.
///
/// `given`: [K, D] for Init::given, on all ranks; empty otherwise.
///
/// Throws `AgreedError` on all ranks, with exit code usage: settings or D differ between ranks, K < 1 or K > n,
/// given centroids of another shape, ranges of rows that do not fit together; with exit code bad_input: a row or given
/// centroid that is not finite (the lowest one is named), values too large for the arithmetic, fewer distinct rows
/// than K; with exit code interrupted: a rank's stop_requested. What `rows` throws is passed on, on its rank alone.
[[nodiscard]] std::vector<KMeansResult> kmeans(const KMeansRows& rows, const KMeansOptions& options,
                                               std::span<const float> given, Communicator& comm);

struct Assignment {
  /// [local rows].
  std::vector<std::int32_t> labels;
  /// Over the rows of all ranks.
  double inertia = 0.0;
};

/// The nearest of `clusters` centroids f32 [K, D] for each row, with the arithmetic and the ties of `kmeans`, to the
/// bit. COLLECTIVE: centroids are the same on all ranks. Throws as `kmeans`.
[[nodiscard]] Assignment assign_rows(const KMeansRows& rows, std::span<const float> centroids, int clusters,
                                     int threads, SimdPath path, Communicator& comm);

}  // namespace datus
