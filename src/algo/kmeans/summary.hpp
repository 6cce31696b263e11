// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/kernels.hpp"
#include "datus/algo/kmeans_rows.hpp"
#include "datus/comm/communicator.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace datus::clustering {

/// What is known of the rows before the first iteration.
struct RowSummary {
  /// n, over all ranks.
  std::int64_t rows = 0;
  /// A hash of all values and of their rows' numbers: a sum over rows, so that it does not depend on the ranks.
  std::uint64_t content = 0;
  /// Different rows, over all ranks; counted up to the number that was asked for.
  std::int64_t distinct = 0;
  /// Some rank's rows are f64.
  bool is_precise = false;
  /// [D]: what is subtracted from all rows; empty: nothing.
  std::vector<double> origin;
  /// max |x_d| over all ranks, after the subtraction.
  double largest = 0.0;
  /// |x|^2 of each local row, after the subtraction, by the f64 chain.
  std::vector<double> squared_norms;

  /// The matrix as a text: its size and contents.
  [[nodiscard]] std::string fingerprint(int dim) const;
};

/// COLLECTIVE. One pass over the rows, two where they have an origin. `most_distinct`: so many different rows are
/// enough. Throws `AgreedError` when the ranks' ranges do not fit together or a row holds a NaN or an infinite value;
/// then it names the lowest such row of all ranks.
///
/// The origin is for rows that lie far from 0 for their spread, whose distances would be lost in f32: the middle of the
/// range of each coordinate whose values are all of one sign and within a factor of two of each other, so that the
/// difference is exact (Sterbenz 1974); 0 for other coordinates. Rows have none unless its squared length exceeds 16
/// times that of half the ranges of all coordinates.
[[nodiscard]] RowSummary summarise_rows(const KMeansRows& rows, std::int64_t most_distinct, int threads,
                                        const Kernels& kernels, Communicator& comm);

/// Whether none of the values is NaN or infinite.
[[nodiscard]] bool all_finite(std::span<const float> values) noexcept;
[[nodiscard]] bool all_finite(std::span<const double> values) noexcept;

/// Units of the fixed-point numbers: a value v is held as v * 2^log2, rounded to nearest even.
struct FixedPointScales {
  int sum_log2 = 0;
  int inertia_log2 = 0;
  /// What the rounding leaves of a value is held in units that are finer by 2^-rest_log2, where one number would not
  /// do.
  int rest_log2 = 0;
  /// The largest inertia of one row that is allowed, in units.
  double row_limit = 0.0;
};

/// Scales for n rows of length D: n terms stay within 2^61, so that no total reaches 2^62; one term within 2^50, where
/// all ways of rounding (see the kernels) are exact. Inertia leaves room for centroids three times as far out as the
/// largest coordinate of all rows and of the given centroids (0: none); means of rows never are.
/// Throws `InputError` when an inertia could be too large for f64.
[[nodiscard]] FixedPointScales choose_scales(const RowSummary& summary, int dim, double largest_centroid);

}  // namespace datus::clustering
