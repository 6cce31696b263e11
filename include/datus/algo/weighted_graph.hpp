// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace datus {

/// An undirected graph with integer weights, self-loops allowed, as a dense [nodes, nodes] matrix; 0 means no edge.
///
/// Weights are integers so that everything computed from them is exact. Sixteen bits bound every sum: a row stays below
/// 2^31, the whole matrix below 2^46.
class WeightedGraph {
 public:
  /// No edge. Throws as `checked_nodes` (bit_graph.hpp).
  explicit WeightedGraph(int nodes);

  [[nodiscard]] int nodes() const noexcept { return nodes_; }
  [[nodiscard]] std::span<const std::uint16_t> row(int node) const {
    return std::span(weights_).subspan(static_cast<std::size_t>(node) * static_cast<std::size_t>(nodes_),
                                       static_cast<std::size_t>(nodes_));
  }
  /// To write to: whoever does keeps the graph symmetric.
  [[nodiscard]] std::span<std::uint16_t> row(int node) {
    return std::span(weights_).subspan(static_cast<std::size_t>(node) * static_cast<std::size_t>(nodes_),
                                       static_cast<std::size_t>(nodes_));
  }
  [[nodiscard]] std::uint16_t weight(int i, int j) const { return row(i)[static_cast<std::size_t>(j)]; }
  /// Sets the weight in both directions.
  void set_weight(int i, int j, std::uint16_t weight);

  friend bool operator==(const WeightedGraph&, const WeightedGraph&) = default;

 private:
  int nodes_;
  std::vector<std::uint16_t> weights_;
};

}  // namespace datus
