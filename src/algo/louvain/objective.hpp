// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace datus::louvain_detail {

__extension__ typedef __int128 Int128;

/// Modularity in integers. With W the sum of the matrix and the resolution p / q, a node of degree d that is in no
/// community prefers C to C' by 2 / (q W^2) * (score(C) - score(C')), where
///
///     score(C) = q * W * (weight of the node's links to C) - p * d * (sum of degrees in C).
///
/// Bounds: W < 2^46 (WeightedGraph; 2^30 for a BitGraph), q <= 2^16, p <= 2^31. Links and d are at most W, so that a
/// score stays below 2^123 in magnitude, and the gain of a pass, a difference of modularities, below q * W^2 +
/// p * W^2 < 2^124: always good in 128 bits, and mostly in 64, see `fits_64_bits`.
struct Objective {
  std::int64_t total;        ///< W
  std::int64_t numerator;    ///< p
  std::int64_t denominator;  ///< q, a power of two

  /// Throws `UsageError` unless the resolution is from 2^-16 to 32,768.
  static Objective make(std::int64_t total, double resolution);

  [[nodiscard]] std::int64_t link_factor() const { return denominator * total; }

  /// Whether scores and their differences stay below 2^63 for nodes of at most this degree.
  [[nodiscard]] bool fits_64_bits(std::int64_t largest_degree) const {
    return (Int128{denominator} + numerator) * total * largest_degree <= std::numeric_limits<std::int64_t>::max();
  }

  /// Modularity gained by moves whose score differences add up to `gain`.
  [[nodiscard]] double increase(Int128 gain) const {
    const auto weight = static_cast<double>(total);
    return 2.0 * static_cast<double>(gain) / (static_cast<double>(denominator) * weight * weight);
  }

  /// Modularity of communities with these self-loops (inner weight) and degrees; 0 without edges.
  [[nodiscard]] double modularity(const std::vector<std::int64_t>& loops,
                                  const std::vector<std::int64_t>& degrees) const;
};

/// What the passes over one level found.
struct Level {
  std::vector<std::int32_t> labels;  ///< Community of each node of the level, 0 ... communities - 1.
  int communities = 0;
  double increase = 0.0;  ///< Of modularity.
};

/// Numbers the communities in use from 0, in the order of their labels, which are from 0 to size - 1.
[[nodiscard]] Level renumber(std::vector<std::int32_t> labels, double increase);

}  // namespace datus::louvain_detail
