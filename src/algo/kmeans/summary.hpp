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
  /// max |x_d| over all ranks.
  float largest = 0.0F;
  /// A hash of all values and of their rows' numbers: a sum over rows, so that it does not depend on the ranks.
  std::uint64_t content = 0;
  /// |x|^2 of each local row: the same in every iteration.
  std::vector<float> squared_norms;
  /// The largest of them; 0 without local rows.
  float largest_squared_norm = 0.0F;

  /// The matrix as a text: its size and contents.
  [[nodiscard]] std::string fingerprint(int dim) const;
};

/// COLLECTIVE. One pass over the rows. Throws `AgreedError` when the ranks' ranges do not fit together or a row holds a
/// NaN or an infinite value; then it names the lowest such row of all ranks.
[[nodiscard]] RowSummary summarise_rows(const KMeansRows& rows, int threads, const Kernels& kernels,
                                        Communicator& comm);

/// The largest |value|, as the bit pattern of a float: these are ordered as the numbers, infinity and NaN above all.
[[nodiscard]] std::uint32_t largest_magnitude(std::span<const float> values) noexcept;

/// Whether that pattern is one of a finite value.
[[nodiscard]] bool is_finite_magnitude(std::uint32_t magnitude) noexcept;

/// Units of the fixed-point numbers: a value v is held as v * 2^log2, rounded to nearest even.
struct FixedPointScales {
  int sum_log2 = 0;
  int inertia_log2 = 0;
  /// The largest inertia of one row that is allowed, in units.
  double row_limit = 0.0;
};

/// Scales for n rows of length D: n terms stay within 2^61, so that no total reaches 2^62; one term within 2^50, where
/// all ways of rounding (see the kernels) are exact. Inertia leaves room for centroids three times as far out as the
/// largest coordinate of all rows and of the given centroids (0: none): only repairs can push them beyond it.
/// Throws `InputError` when an inertia could be too large for f32.
[[nodiscard]] FixedPointScales choose_scales(const RowSummary& summary, int dim, float largest_centroid);

}  // namespace datus::clustering
