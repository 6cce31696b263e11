// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/bit_graph.hpp"
#include "datus/algo/weighted_graph.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace datus::louvain_detail {

/// Calls visit(index) for the set bits of a row of a `BitGraph`, ascending.
template <class Visit>
void for_each_bit(std::span<const std::uint64_t> row, Visit&& visit) {
  for (std::size_t w = 0; w < row.size(); ++w) {
    for (std::uint64_t bits = row[w]; bits != 0; bits &= bits - 1) {
      visit(static_cast<std::int32_t>(w * 64) + std::countr_zero(bits));
    }
  }
}

/// A graph by lists of links, with weights above 0: what communities become in the next level.
class ListGraph {
 public:
  ListGraph() { offsets_.push_back(0); }

  [[nodiscard]] int nodes() const { return static_cast<int>(degrees_.size()); }
  [[nodiscard]] const std::vector<std::int64_t>& degrees() const { return degrees_; }
  [[nodiscard]] const std::vector<std::int64_t>& loops() const { return loops_; }

  /// Adds a node whose links are the entries of `weights` named by `neighbors`, and sets those to 0.
  void add_node(const std::vector<std::int32_t>& neighbors, std::vector<std::int64_t>& weights);

  template <class Visit>
  void for_each_link(int node, Visit&& visit) const {
    const std::size_t end = offsets_[static_cast<std::size_t>(node) + 1];
    for (std::size_t at = offsets_[static_cast<std::size_t>(node)]; at < end; ++at) visit(neighbors_[at], weights_[at]);
  }

 private:
  std::vector<std::size_t> offsets_;
  std::vector<std::int32_t> neighbors_;
  std::vector<std::int64_t> weights_;
  std::vector<std::int64_t> degrees_;
  std::vector<std::int64_t> loops_;
};

/// A `WeightedGraph` seen the same way: every pass goes over all links, of which a graph with soft weights has few.
class WeightedLinks {
 public:
  explicit WeightedLinks(const WeightedGraph& graph);

  [[nodiscard]] int nodes() const { return static_cast<int>(degrees_.size()); }
  [[nodiscard]] const std::vector<std::int64_t>& degrees() const { return degrees_; }
  [[nodiscard]] const std::vector<std::int64_t>& loops() const { return loops_; }

  template <class Visit>
  void for_each_link(int node, Visit&& visit) const {
    const std::size_t begin = node == 0 ? 0 : ends_[static_cast<std::size_t>(node) - 1];
    for (const Link link : std::span(links_).first(ends_[static_cast<std::size_t>(node)]).subspan(begin)) {
      visit(std::int32_t{link.neighbor}, std::int64_t{link.weight});
    }
  }

 private:
  struct Link {
    std::uint16_t neighbor;  // there are fewer than 2^15 nodes
    std::uint16_t weight;
  };
  std::vector<Link> links_;
  std::vector<std::size_t> ends_;
  std::vector<std::int64_t> degrees_;
  std::vector<std::int64_t> loops_;
};

/// A `BitGraph` seen the same way.
class BitLinks {
 public:
  explicit BitLinks(const BitGraph& graph);

  [[nodiscard]] int nodes() const { return graph_.nodes(); }
  [[nodiscard]] const std::vector<std::int64_t>& degrees() const { return degrees_; }
  [[nodiscard]] const std::vector<std::int64_t>& loops() const { return loops_; }

  template <class Visit>
  void for_each_link(int node, Visit&& visit) const {
    for_each_bit(graph_.row(node), [&](std::int32_t neighbor) { visit(neighbor, std::int64_t{1}); });
  }

 private:
  const BitGraph& graph_;
  std::vector<std::int64_t> degrees_;
  std::vector<std::int64_t> loops_;
};

/// Sums the links of a node by community: `touched` names the communities with links, whose sums are in `links`; both
/// come empty (zero) and `links` has an entry for each community.
template <class Graph>
void sum_links(const Graph& graph, int node, const std::vector<std::int32_t>& labels, std::vector<std::int64_t>& links,
               std::vector<std::int32_t>& touched) {
  graph.for_each_link(node, [&](std::int32_t neighbor, std::int64_t weight) {
    const std::int32_t community = labels[static_cast<std::size_t>(neighbor)];
    std::int64_t& sum = links[static_cast<std::size_t>(community)];
    if (sum == 0) touched.push_back(community);
    sum += weight;
  });
}

}  // namespace datus::louvain_detail
