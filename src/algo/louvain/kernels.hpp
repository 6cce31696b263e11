// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

// Included by files that are compiled for one instruction set: nothing here, or included from here, may be an inline
// function, or the linker could keep a copy of it that other CPUs cannot run.

namespace datus::louvain_detail {

/// Communities sit in slots, and slots are used in groups of this many: arrays by slot are filled up with zeros.
inline constexpr int slot_group = 8;

/// The community that a node moves to, and its score minus that of the node's own.
struct Choice {
  std::int32_t slot;
  std::int64_t gain;
};

/// One path of the steps that the first level spends its time in.
struct Kernel {
  /// Number of bits in `row`.
  std::uint32_t (*count_bits)(const std::uint64_t* row, int words);
  /// links[slot] = number of bits in `row` AND the slot's mask, for `slots` slots (a multiple of slot_group), where
  /// word w of a slot's mask is masks[((slot / slot_group) * words + w) * slot_group + slot % slot_group].
  void (*count_links)(const std::uint64_t* row, const std::uint64_t* masks, int words, int slots, std::uint32_t* links);
  /// The slot with the largest score link_factor * links[slot] - volume_factor * volumes[slot] among those with links,
  /// the lowest slot on ties, if that is larger than the score of `own`; else `own`. Scores and their differences are
  /// below 2^63, links and volumes below 2^31, factors at least 0.
  Choice (*choose)(const std::uint32_t* links, const std::uint32_t* volumes, int slots, std::int32_t own,
                   std::int64_t link_factor, std::int64_t volume_factor);
  /// Counting is worth its while from this number of communities downwards in a graph that joins all pairs; in a sparse
  /// one, where going through a node's links is cheaper, from proportionally fewer.
  int count_limit;
};

[[nodiscard]] Kernel scalar_kernel();
[[nodiscard]] Kernel avx2_kernel();
[[nodiscard]] Kernel avx512_kernel();

}  // namespace datus::louvain_detail
