// SPDX-License-Identifier: Apache-2.0
#include "algo/louvain/links.hpp"

namespace datus::louvain_detail {

void ListGraph::add_node(const std::vector<std::int32_t>& neighbors, std::vector<std::int64_t>& weights) {
  const int node = nodes();
  std::int64_t degree = 0;
  std::int64_t loop = 0;
  for (const std::int32_t neighbor : neighbors) {
    std::int64_t& weight = weights[static_cast<std::size_t>(neighbor)];
    neighbors_.push_back(neighbor);
    weights_.push_back(weight);
    degree += weight;
    if (neighbor == node) loop = weight;
    weight = 0;
  }
  offsets_.push_back(neighbors_.size());
  degrees_.push_back(degree);
  loops_.push_back(loop);
}

WeightedLinks::WeightedLinks(const WeightedGraph& graph) {
  for (int node = 0; node < graph.nodes(); ++node) {
    const auto row = graph.row(node);
    std::int64_t degree = 0;
    for (std::size_t j = 0; j < row.size(); ++j) {
      if (row[j] == 0) continue;
      degree += row[j];
      links_.push_back({static_cast<std::uint16_t>(j), row[j]});
    }
    ends_.push_back(links_.size());
    degrees_.push_back(degree);
    loops_.push_back(graph.weight(node, node));
  }
}

BitLinks::BitLinks(const BitGraph& graph) : graph_(graph) {
  for (int node = 0; node < graph.nodes(); ++node) {
    degrees_.push_back(graph.degree(node));
    loops_.push_back(graph.has_edge(node, node) ? 1 : 0);
  }
}

}  // namespace datus::louvain_detail
