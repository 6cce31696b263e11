// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/louvain/links.hpp"
#include "algo/louvain/objective.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

namespace datus::louvain_detail {

/// Passes over the nodes of any graph until one gains no more than `tolerance`, see `louvain`. Integer holds the
/// scores: std::int64_t where `Objective::fits_64_bits`, else Int128.
template <class Integer, class Graph>
Level move_nodes(const Graph& graph, const Objective& objective, double tolerance) {
  const auto count = static_cast<std::size_t>(graph.nodes());
  std::vector<std::int32_t> labels(count);
  std::iota(labels.begin(), labels.end(), 0);
  std::vector<std::int64_t> volumes = graph.degrees();
  std::vector<std::int64_t> links(count);
  std::vector<std::int32_t> touched;
  Int128 total_gain = 0;
  Int128 pass_gain = 0;
  do {
    pass_gain = 0;
    for (int node = 0; node < graph.nodes(); ++node) {
      const auto at = static_cast<std::size_t>(node);
      const std::int32_t own = labels[at];
      const std::int64_t degree = graph.degrees()[at];
      // Without the node, its own community is a candidate like the others.
      sum_links(graph, node, labels, links, touched);
      links[static_cast<std::size_t>(own)] -= graph.loops()[at];
      volumes[static_cast<std::size_t>(own)] -= degree;
      const auto score = [&](std::int32_t community) {
        const auto c = static_cast<std::size_t>(community);
        return Integer{objective.link_factor()} * links[c] - Integer{objective.numerator} * degree * volumes[c];
      };
      const Integer own_score = score(own);
      Integer best_score = own_score;
      std::int32_t best = own;
      for (const std::int32_t community : touched) {
        if (community == own) continue;
        const Integer candidate = score(community);
        const bool smaller_label = candidate == best_score && best != own && community < best;
        if (candidate > best_score || smaller_label) {
          best_score = candidate;
          best = community;
        }
      }
      for (const std::int32_t community : touched) links[static_cast<std::size_t>(community)] = 0;
      touched.clear();
      volumes[static_cast<std::size_t>(best)] += degree;
      labels[at] = best;
      pass_gain += best_score - own_score;
    }
    total_gain += pass_gain;
  } while (objective.increase(pass_gain) > tolerance);
  return renumber(std::move(labels), objective.increase(total_gain));
}

/// The same, with the narrowest integers that hold the scores.
template <class Graph>
Level move_nodes_exactly(const Graph& graph, const Objective& objective, double tolerance) {
  const std::int64_t largest_degree = *std::max_element(graph.degrees().begin(), graph.degrees().end());
  return objective.fits_64_bits(largest_degree) ? move_nodes<std::int64_t>(graph, objective, tolerance)
                                                : move_nodes<Int128>(graph, objective, tolerance);
}

/// The graph of the communities: its weights are sums of weights, its self-loops the inner weights.
template <class Graph>
ListGraph aggregate(const Graph& graph, const Level& level) {
  std::vector<std::vector<std::int32_t>> members(static_cast<std::size_t>(level.communities));
  for (int node = 0; node < graph.nodes(); ++node) {
    members[static_cast<std::size_t>(level.labels[static_cast<std::size_t>(node)])].push_back(node);
  }
  ListGraph communities;
  std::vector<std::int64_t> links(members.size());
  std::vector<std::int32_t> touched;
  for (const std::vector<std::int32_t>& community : members) {
    for (const std::int32_t node : community) sum_links(graph, node, level.labels, links, touched);
    communities.add_node(touched, links);
    touched.clear();
  }
  return communities;
}

}  // namespace datus::louvain_detail
