#pragma once

#include "datus/core/simd_path.hpp"

#include <cstdint>

// Included by files that are compiled for one instruction set: nothing here, or included from here, may be an inline
// function that those files call, or the linker could keep a copy of it that other CPUs cannot run.

namespace datus::clustering {

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

/// One SIMD path of the arithmetic that `kmeans` (the public header) defines. All paths give the same bits. Rows are
/// f32 [count, D].
struct Kernels {
  /// norms[i] = |x_i|^2, the f32 chain.
  void (*squared_norms)(const float* rows, std::int64_t count, int dim, float* norms);
  /// The centroid with the lowest score, and that score, for up to `strip_rows` rows. A row whose scores are all
  /// infinite or NaN (overflow) gets label 0 and an infinite score.
  void (*nearest)(const float* rows, std::int64_t count, const PackedView& centroids, std::int32_t* labels,
                  float* scores);
  /// The same with the lowest score among the other centroids (infinite where there is none, or where all of them
  /// overflow). Only the sign of a score of zero may differ between paths.
  void (*nearest_two)(const float* rows, std::int64_t count, const PackedView& centroids, std::int32_t* labels,
                      float* lowest, float* second);
  /// scores[i]: of row i and centroid labels[i], of centroids f32 [K, D] with their norms.
  void (*own_scores)(const float* rows, std::int64_t count, int dim, const float* centroids, const float* norms,
                     const std::int32_t* labels, float* scores);
  /// sums[d] += x_d * scale rounded to nearest even, for |x_d * scale| <= 2^50; and -=.
  void (*add_row)(const float* row, int dim, double scale, std::int64_t* sums);
  void (*subtract_row)(const float* row, int dim, double scale, std::int64_t* sums);
  /// distances[i] = |x_i - point|^2, the f64 chain.
  void (*squared_distances)(const float* rows, std::int64_t count, int dim, const float* point, double* distances);
};

[[nodiscard]] Kernels scalar_kernels();
[[nodiscard]] Kernels avx2_kernels();
[[nodiscard]] Kernels avx512_kernels();

/// Throws `UsageError` when this CPU cannot run `path`.
[[nodiscard]] Kernels kernels_of(SimdPath path);

}  // namespace datus::clustering
