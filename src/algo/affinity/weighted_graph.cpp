// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/weighted_graph.hpp"

#include "datus/algo/bit_graph.hpp"

namespace datus {
WeightedGraph::WeightedGraph(int nodes)
    : nodes_(checked_nodes(nodes)), weights_(static_cast<std::size_t>(nodes) * static_cast<std::size_t>(nodes)) {}

void WeightedGraph::set_weight(int i, int j, std::uint16_t weight) {
  const auto count = static_cast<std::size_t>(nodes_);
  weights_[static_cast<std::size_t>(i) * count + static_cast<std::size_t>(j)] = weight;
  weights_[static_cast<std::size_t>(j) * count + static_cast<std::size_t>(i)] = weight;
}

}  // namespace datus
