// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/simd_path.hpp"

#include <cstdint>

// Included by files that are compiled for one instruction set: nothing here, or included from here, may be an inline
// function that those files call, or the linker could keep a copy of it that other CPUs cannot run.

namespace datus::clustering {

struct ClusterTotals;

/// Centroids are packed in groups of this many, side by side in the lanes of vectors.
inline constexpr int group_size = 16;
/// The most rows that one call of `Kernels::nearest` takes: they stay in the nearest cache while all centroids pass by.
inline constexpr std::int64_t strip_rows = 48;

/// Centroids in the order of use, 64-byte aligned. The last group is filled up with zeros whose norm is infinite, so
/// that they never win.
struct PackedView {
  /// [groups][D][group_size].
  const float* values;
  /// |c|^2, [groups][group_size].
  const float* norms;
  int groups;
  int dim;
};

/// One SIMD path of the arithmetic of `kmeans` (the public header). Rows and points are [count, D] and [number, D].
struct Kernels {
  /// The centroid with the lowest score, |c|^2 - 2 x.c, that score, and the lowest one among the other centroids, for
  /// up to `strip_rows` rows: a chain of fused multiply-adds in index order, so that all paths give the same bits (but
  /// for the sign of 0). Scores say where to look, and do not decide. One that is NaN or infinite (overflow) never
  /// wins; without others the label is 0 and the score infinite.
  void (*nearest_two)(const float* rows, std::int64_t count, const PackedView& centroids, std::int32_t* labels,
                      float* lowest, float* second);
  /// The scores of one row with all centroids, [groups * group_size]. Paths may differ within `SearchCentroids::error`.
  void (*scores)(const float* row, const PackedView& centroids, float* scores);

  /// sums[d] += x_d * scale rounded to nearest even, for |x_d * scale| <= 2^50; and -=.
  void (*add_row)(const float* row, int dim, double scale, std::int64_t* sums);
  void (*subtract_row)(const float* row, int dim, double scale, std::int64_t* sums);
  void (*add_precise_row)(const double* row, int dim, double scale, std::int64_t* sums);
  void (*subtract_precise_row)(const double* row, int dim, double scale, std::int64_t* sums);
  /// distances[p, i] = |x_i - point_p|^2, the f64 chain, for `number` points.
  void (*squared_distances)(const float* rows, std::int64_t count, int dim, const double* points, std::int64_t number,
                            double* distances);
  void (*precise_squared_distances)(const double* rows, std::int64_t count, int dim, const double* points,
                                    std::int64_t number, double* distances);
  /// `inertia_of_totals` of one cluster.
  double (*inertia)(const ClusterTotals& totals, const double* centroid, int dim);
  /// distances[i] = |x_i - c|^2, the f64 chain, c being centroid labels[i] of [K, D].
  void (*own_distances)(const double* rows, std::int64_t count, int dim, const double* centroids,
                        const std::int32_t* labels, double* distances);
};

[[nodiscard]] Kernels scalar_kernels();
[[nodiscard]] Kernels avx2_kernels();
[[nodiscard]] Kernels avx512_kernels();

/// Throws `UsageError` when this CPU cannot run `path`.
[[nodiscard]] Kernels kernels_of(SimdPath path);

}  // namespace datus::clustering
