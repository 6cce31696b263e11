// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/bit_graph.hpp"
#include "datus/algo/weighted_graph.hpp"
#include "datus/core/simd_path.hpp"

#include <cstdint>
#include <vector>

namespace datus {

struct LouvainOptions {
  /// Weight of the expected links: larger values give more communities. Rounded to a multiple of 2^-16, so that all
  /// gains are integers; from 2^-16 to 32,768.
  double resolution = 1.0;
  /// A pass over the nodes that gains more modularity than this is followed by another one.
  double tolerance_optimization = 1e-3;
  /// A level that gains no more than this is discarded, and ends the search.
  double tolerance_aggregation = 1e-3;
};

struct Partition {
  /// [nodes], in canonical order: larger communities first, equal sizes by their lowest node.
  std::vector<std::int32_t> labels;
  int communities = 0;
  /// Sum over communities of e_c / W - resolution * (d_c / W)^2, with W the sum of the matrix, e_c that of the
  /// community's block, d_c that of its rows; 0 without edges.
  double modularity = 0.0;
};

/// Communities of the graph by the Louvain method (Blondel et al. 2008), exactly as scikit-network 0.28.3 does it with
/// `modularity='dugue'`: nodes visited in index order; a node moves to the neighbouring community of the largest gain
/// if that is strictly positive, ties to the smallest label; passes and levels as in `LouvainOptions`. All gains are
/// exact integers, so that the labels are the same on every path and machine.
///
/// Without an edge, and in a complete graph, no merge gains anything: every node is a community of its own.
///
/// Not collective, one thread. Throws `UsageError` for an option out of range or a path that this CPU lacks.
[[nodiscard]] Partition louvain(const BitGraph& graph, const LouvainOptions& options = {},
                                SimdPath path = best_simd_path());
[[nodiscard]] Partition louvain(const WeightedGraph& graph, const LouvainOptions& options = {});  ///< With weights.

}  // namespace datus
