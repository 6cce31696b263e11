// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/bit_graph.hpp"
#include "datus/algo/weighted_graph.hpp"
#include "datus/core/simd_path.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace datus {

/// How keys become a graph.
struct AffinityOptions {
  enum class Center {
    none,   ///< The keys as they are, as in the paper.
    image,  ///< Minus the image's mean key: summed in f64 in index order over the valid patches, rounded once to f32.
  };
  enum class Metric {
    dot,     ///< The keys as they are, as in the paper.
    cosine,  ///< Keys (after centring) scaled to unit length, the length in f64 in index order; zero keys stay zero.
  };

  Center center = Center::none;
  Metric metric = Metric::dot;
  /// Patches i, j are joined iff A_ij > threshold.
  float threshold = 0.0F;
  /// Where set, q in [0, 1] replaces the threshold by that quantile of the image's own A_ij, i < j, both valid: the
  /// element of index floor(q * (count - 1)) of the sorted values.
  std::optional<double> quantile = std::nullopt;

  /// Where set, for weighted graphs of cosines alone: the weight of an edge is exp((A_ij - 1) / temperature), 0 below
  /// e^-16, instead of A_ij, and there is no threshold.
  std::optional<double> temperature = std::nullopt;

  /// Whether the image's mean key is subtracted.
  [[nodiscard]] constexpr bool subtracts_mean() const {
    switch (center) {
      case Center::none:
        return false;
      case Center::image:
        return true;
    }
    return false;
  }
  /// Whether keys are scaled to unit length.
  [[nodiscard]] constexpr bool scales_keys() const {
    switch (metric) {
      case Metric::dot:
        return false;
      case Metric::cosine:
        return true;
    }
    return false;
  }

  friend bool operator==(const AffinityOptions&, const AffinityOptions&) = default;
};

/// The affinity graph of one image: an edge joins i and j iff A_ij > threshold, self-loops by the same rule.
///
/// `keys` [nodes, dim] f32, row-major, finite. A_ij is one sequential f32 chain of fused multiply-adds from +0 over
/// d = 0 ... dim - 1, so that the graph of given keys is the same bits on every path and machine. `valid` [nodes] (0 =
/// padding, empty = all valid): a patch of padding gets no edge, no self-loop.
///
/// Not collective, one thread. Throws `InputError` when the sizes do not agree, there are more than `max_nodes`
/// patches, or a quantile meets an affinity that is not finite; `UsageError` for a quantile outside [0, 1] or a path
/// that this CPU lacks.
[[nodiscard]] BitGraph build_bit_graph(std::span<const float> keys, int nodes, int dim,
                                       const AffinityOptions& options = {}, std::span<const std::uint8_t> valid = {},
                                       SimdPath path = best_simd_path());

/// The same graph with the affinities as weights: w_ij = A_ij * 2^s rounded to the nearest integer, ties to even, with
/// the largest s that keeps all weights of the image below 2^16. The power of two changes no partition; what rounds to
/// 0 is no edge.
///
/// With a temperature the weights are soft, see `AffinityOptions`.
///
/// Only positive affinities can be weights: `UsageError` for a threshold below 0; a quantile below 0 counts as 0.
/// Otherwise as `build_bit_graph`; an affinity that is not finite is an `InputError`.
[[nodiscard]] WeightedGraph build_weighted_graph(std::span<const float> keys, int nodes, int dim,
                                                 const AffinityOptions& options = {},
                                                 std::span<const std::uint8_t> valid = {},
                                                 SimdPath path = best_simd_path());

}  // namespace datus
