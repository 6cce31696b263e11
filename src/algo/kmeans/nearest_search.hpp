// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/kernels.hpp"
#include "algo/kmeans/search_centroids.hpp"
#include "datus/algo/kmeans_rows.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace datus::clustering {

/// What a search found for each row of a strip.
struct NearestRows {
  /// The nearest centroid in f64, the lowest index on ties.
  std::int32_t labels[strip_rows];
  /// The squared distance to it and to the nearest of the others, and by how much they may be wrong.
  double lowest[strip_rows];
  double second[strip_rows];
  double error[strip_rows];
};

/// Finds the nearest centroids of rows, on one thread: by scores in f32, and in f64 wherever their rounding leaves a
/// doubt.
class NearestSearch {
 public:
  /// Both must outlive this.
  NearestSearch(const SearchCentroids& centroids, const Kernels& kernels);

  /// Up to `strip_rows` rows, f32 or both. norms: |x|^2 of each in f64.
  void find(const RowBlock& strip, const double* norms, NearestRows& found);
  /// After `find`: the lowest without error, and the second known to a thousandth.
  void refine(const RowBlock& strip, NearestRows& found);
  /// Both without error.
  void find_precisely(const RowBlock& strip, NearestRows& found);
  /// The squared distance of each row to centroid labels[i], by the f64 chain.
  void measure(const RowBlock& strip, const std::int32_t* labels, double* distances);

 private:
  /// Decides in f64 between the centroids whose score is not above `limit`, for row i.
  void settle(const RowBlock& strip, std::int64_t i, double limit, NearestRows& found);
  [[nodiscard]] std::span<const double> candidates_of(const float* row, double limit);
  /// A strip's rows in f64.
  [[nodiscard]] const double* widened(const RowBlock& strip);

  const SearchCentroids& centroids_;
  const Kernels& kernels_;
  std::vector<float> scores_;
  std::vector<double> candidates_;
  std::vector<std::int32_t> numbers_;
  std::vector<double> distances_;
  std::vector<double> rows_;
};

}  // namespace datus::clustering
