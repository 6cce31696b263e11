// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/kmeans_rows.hpp"
#include "datus/algo/kmeans_state.hpp"
#include "datus/comm/communicator.hpp"
#include "datus/comm/device_communicator.hpp"
#include "datus/core/simd_path.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace datus {

/// The GPU that a rank computes k-means on.
struct KMeansGpu {
  /// As CUDA counts them.
  int index = 0;
  /// Sums up over the GPUs of the ranks of the communicator that is passed beside it. Must outlive the call.
  DeviceCommunicator* collectives = nullptr;
  /// The memory that rows may take on the GPU; 0: what it has free, but for a reserve (ranks that share a GPU would
  /// each count on all of it). Rows that do not fit are brought to it in each pass.
  std::int64_t memory_bytes = 0;
};

/// Settings of `kmeans`. All but threads, path, gpu and the functions decide the result and must be equal on all ranks.
struct KMeansOptions {
  enum class Init {
    kmeans_plus_plus,  ///< Arthur and Vassilvitskii 2007, exact: each next centre is drawn by squared distance.
    kmeans_parallel,   ///< k-means||, Bahmani et al. 2012: oversampling in a few passes, for large K.
    random,            ///< K rows with different indices.
    given,             ///< The caller's centroids, for one K and one restart.
  };
  enum class Algorithm {
    lloyd,       ///< All rows in each iteration.
    mini_batch,  ///< Sculley 2010: a few rows in each, for approximate centroids in few passes.
  };

  /// The result is the same.
  enum class Mode {
    exact,  ///< Bounds on distances for many clusters only, see below.
    fast,   ///< For few clusters, too: it takes 8 bytes more for each row and pair.
  };

  /// The values of K to compute, together and over the same passes of the rows.
  std::vector<int> clusters;
  Init init = Init::kmeans_plus_plus;
  Algorithm algorithm = Algorithm::lloyd;
  Mode mode = Mode::exact;
  /// Lloyd: largest number of iterations, at least 1.
  int max_iterations = 300;
  /// Lloyd: stop once an iteration lowers the inertia by no more than this fraction of it.
  double tolerance = 1e-4;
  /// Mini-batch: rows of a batch, and largest number of passes over all rows.
  std::int64_t batch_size = 2048;
  int epochs = 50;
  /// Independent starts for each K; the one with the lowest final inertia is kept.
  int restarts = 1;
  std::uint64_t seed = 0;
  /// Threads of this rank.
  int threads = 1;
  SimdPath path = best_simd_path();
  /// Where set, on all ranks or none: Lloyd's passes and k-means++ run there, to the same bits, see `kmeans`.
  const KMeansGpu* gpu = nullptr;

  /// Asked once per pass on each rank, where set; the ranks agree on the answer in the pass's own collective.
  std::function<bool()> stop_requested;
  /// Called on all ranks with the same state, where set: every `checkpoint_every` passes, and when a stop was agreed.
  std::function<void(const KMeansState& state)> save;
  int checkpoint_every = 10;
  /// A state to go on from, the same on all ranks: pairs of the same rows and settings are taken over, to the same
  /// final bits as without the interruption; anything else is ignored, with a line in the log.
  const KMeansState* resume = nullptr;
};

/// The outcome for one K.
struct KMeansResult {
  int clusters = 0;
  /// The restart that was kept.
  int restart = 0;
  /// [K, D]: values that f32 holds, unless the pair became precise, see `kmeans`.
  std::vector<double> centroids;
  /// [local rows]: the nearest stored centroid of each, the lowest index on ties.
  std::vector<std::int32_t> assignment;
  /// One per iteration: that of the assignment to the centroids with which the iteration began. It never rises, beyond
  /// rounding. With mini-batches one per batch, from its rows alone: their mean inertia times n.
  std::vector<double> inertia;
  /// That of `assignment` to `centroids`.
  double final_inertia = 0.0;
  /// Stopped by itself: no row moved, or the tolerance was met, or batches ceased to get better.
  bool converged = false;
  /// Empty clusters that were refilled, over all iterations.
  std::int64_t repairs = 0;
  /// Sums of coordinates were held in units of 2^-sum_scale_log2, those of squares in units of 2^-inertia_scale_log2.
  int sum_scale_log2 = 0;
  int inertia_scale_log2 = 0;
  /// The centroids of all restarts, [restarts][K, D].
  std::vector<std::vector<double>> restarts;
  /// [D]: what was subtracted from rows and centroids while it computed; empty: nothing.
  std::vector<double> origin;
};

/// Lloyd's k-means in double precision, and to the bit the same for any number of ranks and threads, any split of the
/// rows and any SIMD path. COLLECTIVE. Returns one result for each entry of options.clusters, in that order.
///
/// Iteration t assigns every row to c_{t-1}, takes that assignment's inertia, and makes c_t from it. It stops when no
/// row moved, when (previous - current) <= tolerance * previous (from t = 2 on), or at the limit; in the last two cases
/// the rows are then assigned once more, to c_t, which is stored.
/// - Rows x are f32 or f64. Where they lie far from 0 for their spread, an origin is subtracted from rows and centroids
///   while it computes, so that the differences are exact: see `RowSummary` and `KMeansResult::origin`.
/// - The squared distance of x and c is in f64: a chain of fma((x_d - c_d), (x_d - c_d), .) from +0 in index order. The
///   lowest wins, the lowest index on ties. (Scores |c|^2 - 2 x.c in f32 tell which centroids can be the nearest; where
///   their error bound leaves more than one, the distances decide.)
/// - Sums of coordinates and of |x|^2 (the distance to 0) are int64 in fixed point with power-of-two scales, each term
///   rounded to nearest even. A centroid is sum / (count * 2^sum_scale_log2) in f64, rounded once to f32. The inertia
///   of a cluster is the sum of |x|^2 - 2 c.sum + count |c|^2 in f64, the chain of fma(c_d, fma(-2, sum_d, count c_d),
///   .) being added to the first, or 0 where that is negative.
/// - A pair becomes precise, for good, when n |c|^2 > 256 inertia for a cluster with rows, or where the inertia is
/// below
///   2^-240 for each coordinate of each row: rows are so near to their centroids that f32 would not hold these. It is
///   from the start where there is an origin, and where given centroids are not of f32. Its centroids are f64 from then
///   on, and its pass is made again, which does not end it when no row moved. Its inertia is the sum of the rows'
///   squared distances; for it and for the coordinates, what the rounding of each term leaves over is summed too, in
///   units finer by 2^-t, t = min(50, 61 - b), 2^b being the first power of two >= n, and for the inertia what that
///   leaves once more. With an origin o a centroid is rounded to (o + c) - o, so that what is stored is what was
///   computed with.
/// - Empty clusters, in ascending order, get the rows with the largest squared distances to their centroids in c_{t-1},
///   in descending order, the lowest row on ties: one each, as scikit-learn does it. c_t is made as if these rows, and
///   no others, were in them, and no longer in their own clusters; the rows keep their labels until they are assigned
///   to c_t. A row of distance 0 refills none: clusters for which there is no other are a warning in the log. Those
///   that are without rows then (one may have given its last row away) go to the mean of the cluster with most rows,
///   the lowest index on ties, so that in the next iteration only the lowest index among them has rows.
/// - k-means++: round r takes the row with the smallest -log(u) / w, the lowest row on ties: exponential variables with
///   rates w, so that a row wins with probability w / sum of w. u is `kmeans_uniform(key, row, r)`; w is 1 in round 0,
///   then the smallest squared distance to a chosen row, in f64: fma chain in index order of (double)x - (double)c.
/// - k-means|| (Bahmani et al., "Scalable K-Means++", VLDB 2012): candidates, then K centroids of them. The first
///   candidate is the row with the smallest `kmeans_draw(key, row, 0)`, the lower row on ties. Round r, from 1 on,
///   takes every row with u * phi < 2 K * w, u being `kmeans_uniform(key, row, r)`; rows equal to a lower row of the
///   round are dropped, the others follow the candidates so far in the order of rows. w is the lowest over the rounds
///   of the row's squared distance to the round's nearest candidate. phi is the sum of all w as int64 in fixed point,
///   each rounded to nearest even, of units 2^(e - t): the largest w is in [2^(e - 1), 2^e), and t = min(50, 61 - b),
///   2^b being the first power of two
///   >= n. Sampling ends after round 5, later where there are fewer than K candidates, and as soon as all w are 0.
/// - k-means||, from candidates to centroids: a candidate stands for the m rows that have their w from it, from the
///   earliest round on ties. The candidates are clustered by greedy weighted k-means++: round r, from 0 on, tries
///   min(5, max(1, floor(1024 / K))) of them, round 0 only one. Trial j has the smallest -log(u) / (m * w), u being
///   `kmeans_uniform(key, candidate, 8 r + j)` under a key of its own, w as in k-means++. The trial is taken that
///   leaves the lowest sum of m * w, added up in f64 in the order of the candidates; the first on ties. At most 10
///   iterations follow: labels by distance, centroids sum(m * x) / sum(m) in f64 with sums in the order of the
///   candidates; a centroid without candidates stays. They end when no label changes, and before two centroids would
///   become equal. The last ones are rounded to f32 unless the pair is precise.
/// - random: the K rows with the smallest `kmeans_draw(key, row, 0)`, in that order, the lower row on ties.
///
/// Algorithm::mini_batch: from the same first centroids, over batches of rows (Sculley, "Web-scale k-means clustering",
/// WWW 2010), as scikit-learn's MiniBatchKMeans does but for its random reassignment; then all rows are assigned once.
/// - Batches: in each epoch the blocks of 16 consecutive global rows (the last block may be shorter) come in a random
///   order of their own, a keyed permutation of (seed, epoch), see `KMeansBatches`. Batch b is the rows from
///   b * batch_size to (b + 1) * batch_size of that order, fewer at the end of an epoch. Each row is in exactly one
///   batch of an epoch; all (K, restart) pairs see the same batches.
/// - A batch's rows are assigned to the current centroids. A centroid c that stands for w rows so far and gets m > 0
///   rows becomes fma(c, w, sum of the rows) / (w + m) in f64, rounded as in Lloyd's; the others stay. w is 0 at first:
///   a first centroid counts for nothing once its cluster has a row. There are no repairs. The inertia of a batch is
///   made as in Lloyd's, and may make the pair precise, too.
/// - Stop: the mean inertia per row of each batch but the first is smoothed, s = s * (1 - a) + mean * a with
///   a = min(1, 2 * rows of the batch / (n + 1)), in f64; ten batches in a row brought no new lowest s, or `epochs` are
///   over. `tolerance` and `max_iterations` do not apply.
/// An epoch is a pass for `checkpoint_every`; stop_requested is asked in each batch.
///
/// Bounds on distances (Hamerly 2010) tell which rows keep their cluster: these are passed over, and do not show. They
/// are kept for K >= 128, and in Mode::fast for any K; they take 8 bytes for each row and pair. A precise pair has
/// none.
///
/// `given`: [K, D] for Init::given, on all ranks; empty otherwise.
///
/// options.gpu moves Lloyd's passes and k-means++ to a GPU: all results, saved states included, have the same bits, and
/// a state saved with a GPU can be gone on from without. Tensor cores compare approximately there; where their error
/// bound leaves a doubt the definition above decides. The first pass over the rows (which looks for values that are not
/// finite), k-means||, random rows and mini-batches stay on the threads of the processor: `rows` must be readable as
/// long as without a GPU. So do rows of f64 and precise pairs, from when they are on, with a line in the log.
///
/// Throws `AgreedError` on all ranks, with exit code usage: settings or D differ between ranks, K < 1 or K > n,
/// given centroids of another shape, ranges of rows that do not fit together; with exit code bad_input: a row or given
/// centroid that is not finite (the lowest one is named), values too large for the arithmetic, fewer distinct rows
/// than K, whatever the start; with exit code interrupted: a rank's stop_requested; with exit code failure: the GPU's
/// memory does not suffice, or this build has no CUDA. A GPU that fails later is a `SystemError` on its rank alone.
/// What `rows` throws is passed on, on its rank alone.
[[nodiscard]] std::vector<KMeansResult> kmeans(const KMeansRows& rows, const KMeansOptions& options,
                                               std::span<const double> given, Communicator& comm);

/// Bytes that `kmeans` holds at most for each local row, beside the row itself: its squared norm, and for each
/// (K, restart) pair a label and, for many clusters or in Mode::fast, bounds on distances; or before that, while
/// k-means++ or k-means|| chooses, the distance to the nearest choice (k-means||: and its index). What an f32 copy of
/// rows of f64 takes, 4 bytes for each value, is not in it.
[[nodiscard]] std::int64_t kmeans_bytes_per_row(const KMeansOptions& options) noexcept;

/// Bytes that `kmeans` holds at most whatever the number of rows: the centroids and sums of all pairs, also those that
/// the threads and the collective have for themselves.
[[nodiscard]] std::int64_t kmeans_bytes_of_centroids(const KMeansOptions& options, int dim) noexcept;

struct Assignment {
  /// [local rows].
  std::vector<std::int32_t> labels;
  /// Over the rows of all ranks.
  double inertia = 0.0;
};

/// The nearest of `clusters` centroids [K, D] for each row, with the arithmetic and the ties of `kmeans`, to the bit.
/// COLLECTIVE: centroids are the same on all ranks. `gpu`: as in `KMeansOptions`. Throws as `kmeans`.
[[nodiscard]] Assignment assign_rows(const KMeansRows& rows, std::span<const double> centroids, int clusters,
                                     int threads, SimdPath path, Communicator& comm, const KMeansGpu* gpu = nullptr);

}  // namespace datus
