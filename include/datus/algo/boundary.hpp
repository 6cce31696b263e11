// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace datus {

/// How well the outlines of masks follow those of the ground truth, whatever cluster is what class: boundary pixels of
/// each, and how many of them are near one of the other. Integer counts: their sum depends neither on the order of the
/// images nor on the ranks.
class BoundaryCounts {
 public:
  /// Largest Euclidean distance, in pixels, of what is near.
  static constexpr int tolerance = 3;

  /// Adds one image. Both maps have the same size (`count_image` checks that); -1 is one more label of a
  /// prediction, and void in the truth. A boundary pixel has another label than its right or its lower neighbour. Pairs
  /// of neighbours of which one is void do not count, in either map.
  void add(const LabelMap& prediction, const LabelMap& truth);
  BoundaryCounts& operator+=(const BoundaryCounts& other);

  /// Boundary pixels: of predictions, those near one of the truth, of the truth, those near one of a prediction. Sum
  /// them over the ranks.
  [[nodiscard]] std::span<std::int64_t> values() noexcept { return values_; }
  [[nodiscard]] std::span<const std::int64_t> values() const noexcept { return values_; }

 private:
  std::array<std::int64_t, 4> values_{};
};

/// Fractions of 1; null where there is no boundary pixel to judge by.
struct BoundaryScores {
  std::optional<double> precision;  ///< Boundary pixels of predictions that are near one of the truth.
  std::optional<double> recall;     ///< Boundary pixels of the truth that are near one of a prediction.
  std::optional<double> f;          ///< Their harmonic mean.
};

/// Over all images that were added. Source: the precision, recall and F of boundaries within a tolerance of Martin,
/// Fowlkes and Malik 2004, by distance instead of by matching pixels one to one.
[[nodiscard]] BoundaryScores score(const BoundaryCounts& counts);

}  // namespace datus
