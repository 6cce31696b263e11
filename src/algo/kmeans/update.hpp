// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/summary.hpp"
#include "algo/kmeans/tally.hpp"

#include <cstdint>
#include <span>

namespace datus::clustering {

/// Whether f32 would not hold the centroids [K, D] as finely as their rows need: rows are, on average, more than 16
/// times as near to their centroids as one with rows is far from 0; or as near as the smallest numbers of f32.
[[nodiscard]] bool needs_precision(std::span<const std::int64_t> counts, std::span<const double> centroids,
                                   double inertia);

[[nodiscard]] bool f32_holds(std::span<const double> values);

/// Rounds centroids [K, D] to what a result holds: to f32 unless the pair is precise, and with an origin [D] by so
/// little that f64 holds origin + centroid.
void round_to_stored(bool precise, std::span<const double> origin, std::span<double> centroids);

/// Coordinate `i` of the sums [K, D], in units of their scale.
[[nodiscard]] double sum_in_units(const Tally& tally, std::size_t i, const FixedPointScales& scales);

/// Makes each centroid [K, D] with rows their mean, in f64; the others stay.
void take_means(const Tally& tally, const FixedPointScales& scales, std::span<double> centroids);

}  // namespace datus::clustering
