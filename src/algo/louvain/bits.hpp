// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/louvain/kernels.hpp"
#include "algo/louvain/links.hpp"
#include "algo/louvain/objective.hpp"
#include "datus/algo/aligned_vector.hpp"
#include "datus/algo/bit_graph.hpp"

#include <cstdint>
#include <vector>

namespace datus::louvain_detail {

/// The first level on a `BitGraph`, where nearly all the time goes: the same moves as `move_nodes`, computed in another
/// way.
///
/// Communities sit in slots in the order of their labels; communities only ever die, so that moving the survivors
/// together keeps the order, and with it the rule for ties. Links to all communities are summed by going through the
/// node's set bits while there are many communities, and by counting the bits of row AND community mask once there are
/// few. A degree is below 2^15 and the sum of all below 2^30: 32 bits hold links and volumes.
class BitLevel {
 public:
  BitLevel(const BitGraph& graph, const Kernel& kernel);

  [[nodiscard]] std::int64_t total() const { return total_; }
  [[nodiscard]] std::int64_t largest_degree() const;

  /// As `move_nodes`; the objective fits in 64 bits for `largest_degree()`. Call it once.
  [[nodiscard]] Level move_nodes(const Objective& objective, double tolerance);

  /// As `aggregate` for the level that `move_nodes` returned.
  [[nodiscard]] ListGraph aggregate();

 private:
  /// Moves one node, and returns the gain.
  std::int64_t move_node(int node, const Objective& objective);
  /// links_[slot] = links of the node to the community, its self-loop included.
  void sum_links(int node);
  /// Closes the gaps of dead communities, and sets up the masks when there are few enough.
  void compact();
  [[nodiscard]] std::uint64_t& mask_word(int node, std::int32_t slot);
  [[nodiscard]] bool is_loop(int node) const { return graph_.has_edge(node, node); }

  const BitGraph& graph_;
  Kernel kernel_;
  int words_;  ///< Of a row, without its padding.
  std::int64_t total_ = 0;
  std::vector<std::uint32_t> degrees_;

  int slots_;  ///< Communities, dead ones too.
  int live_;
  int count_limit_;
  bool counting_ = false;  ///< masks_ are in use.
  std::vector<std::int32_t> labels_;
  std::vector<std::int32_t> sizes_;
  AlignedVector<std::uint32_t> volumes_;
  AlignedVector<std::uint32_t> links_;
  AlignedVector<std::uint64_t> masks_;
};

}  // namespace datus::louvain_detail
