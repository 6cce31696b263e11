// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/louvain.hpp"

#include "algo/louvain/bits.hpp"
#include "algo/louvain/kernels.hpp"
#include "algo/louvain/links.hpp"
#include "algo/louvain/moves.hpp"
#include "algo/louvain/objective.hpp"
#include "datus/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>

namespace datus {
namespace {

using namespace louvain_detail;

void require_tolerance(double value, std::string_view which) {
  if (value >= 0.0 && std::isfinite(value)) return;
  throw UsageError("The Louvain tolerance of " + std::string(which) + " is " + std::to_string(value),
                   "below 0 the search would not end", "Use a number of 0 or more, 0.001 by default.");
}

/// Numbers the communities: larger ones first, equal sizes by their lowest node.
Partition canonical(const std::vector<std::int32_t>& labels, int communities, double modularity) {
  const auto count = static_cast<std::size_t>(communities);
  std::vector<std::int32_t> sizes(count, 0);
  std::vector<std::int32_t> order;  // by lowest node
  for (const std::int32_t label : labels) {
    if (sizes[static_cast<std::size_t>(label)]++ == 0) order.push_back(label);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return sizes[static_cast<std::size_t>(a)] > sizes[static_cast<std::size_t>(b)];
  });
  std::vector<std::int32_t> number(count, 0);
  for (std::size_t i = 0; i < order.size(); ++i)
    number[static_cast<std::size_t>(order[i])] = static_cast<std::int32_t>(i);
  Partition partition{.labels = labels, .communities = communities, .modularity = modularity};
  for (std::int32_t& label : partition.labels) label = number[static_cast<std::size_t>(label)];
  return partition;
}

Partition every_node_alone(int nodes, double modularity) {
  std::vector<std::int32_t> labels(static_cast<std::size_t>(nodes));
  std::iota(labels.begin(), labels.end(), 0);
  return {.labels = std::move(labels), .communities = nodes, .modularity = modularity};
}

/// The levels above the first, from the communities that it found.
Partition merge_communities(std::vector<std::int32_t> labels, ListGraph graph, const Objective& objective,
                            const LouvainOptions& options) {
  while (graph.nodes() > 1) {
    const Level level = move_nodes_exactly(graph, objective, options.tolerance_optimization);
    if (level.increase <= options.tolerance_aggregation) break;
    for (std::int32_t& label : labels) label = level.labels[static_cast<std::size_t>(label)];
    graph = aggregate(graph, level);
  }
  return canonical(labels, graph.nodes(), objective.modularity(graph.loops(), graph.degrees()));
}

/// All levels, without a short cut for the first.
template <class Graph>
Partition find_communities(const Graph& graph, const LouvainOptions& options) {
  const std::int64_t total = std::accumulate(graph.degrees().begin(), graph.degrees().end(), std::int64_t{0});
  const Objective objective = Objective::make(total, options.resolution);
  if (total != 0) {
    Level level = move_nodes_exactly(graph, objective, options.tolerance_optimization);
    if (level.increase > options.tolerance_aggregation) {
      return merge_communities(std::move(level.labels), aggregate(graph, level), objective, options);
    }
  }
  return every_node_alone(graph.nodes(), objective.modularity(graph.loops(), graph.degrees()));
}

Kernel kernel_for(SimdPath path) {
  return for_path(path, scalar_kernel, avx2_kernel, avx512_kernel)();
}

}  // namespace

Partition louvain(const BitGraph& graph, const LouvainOptions& options, SimdPath path) {
  require_tolerance(options.tolerance_optimization, "a pass");
  require_tolerance(options.tolerance_aggregation, "a level");
  BitLevel first(graph, kernel_for(path));
  const Objective objective = Objective::make(first.total(), options.resolution);
  if (!objective.fits_64_bits(first.largest_degree())) return find_communities(BitLinks(graph), options);
  if (first.total() != 0) {
    Level level = first.move_nodes(objective, options.tolerance_optimization);
    if (level.increase > options.tolerance_aggregation) {
      return merge_communities(std::move(level.labels), first.aggregate(), objective, options);
    }
  }
  const BitLinks links(graph);
  return every_node_alone(graph.nodes(), objective.modularity(links.loops(), links.degrees()));
}

Partition louvain(const WeightedGraph& graph, const LouvainOptions& options) {
  require_tolerance(options.tolerance_optimization, "a pass");
  require_tolerance(options.tolerance_aggregation, "a level");
  return find_communities(WeightedLinks(graph), options);
}

}  // namespace datus
