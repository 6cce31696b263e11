// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/aligned_vector.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace datus {

/// More patches than this are refused, so that 16-bit ids of segments and communities always suffice.
inline constexpr int max_nodes = 32767;

/// Returns `nodes`; throws `InputError` unless 1 <= nodes <= max_nodes.
[[nodiscard]] int checked_nodes(int nodes);

/// An undirected graph without weights, self-loops allowed, as a dense bit matrix: a graph of patches joins about half
/// of all pairs, where lists would take 32 times the memory.
///
/// Bit j % 64 of word j / 64 of row i is the edge i-j. Rows are padded with zeros to whole cache lines.
class BitGraph {
 public:
  /// No edge. Throws as `checked_nodes`.
  explicit BitGraph(int nodes);

  [[nodiscard]] int nodes() const noexcept { return nodes_; }
  [[nodiscard]] std::size_t words_per_row() const noexcept { return words_; }

  [[nodiscard]] std::span<const std::uint64_t> row(int node) const {
    return std::span(bits_).subspan(static_cast<std::size_t>(node) * words_, words_);
  }
  /// The writer keeps the matrix symmetric and the padding zero.
  [[nodiscard]] std::span<std::uint64_t> row(int node) {
    return std::span(bits_).subspan(static_cast<std::size_t>(node) * words_, words_);
  }

  [[nodiscard]] bool has_edge(int i, int j) const {
    return ((row(i)[static_cast<std::size_t>(j) / 64] >> (static_cast<unsigned>(j) % 64U)) & 1U) != 0;
  }
  /// Joins i and j in both directions; i == j makes a self-loop.
  void add_edge(int i, int j);

  /// Sum of the row: a self-loop counts once.
  [[nodiscard]] std::int64_t degree(int node) const;
  /// Sum of all entries of the matrix: an edge counts twice, a self-loop once.
  [[nodiscard]] std::int64_t total() const;

  friend bool operator==(const BitGraph&, const BitGraph&) = default;

 private:
  int nodes_;
  std::size_t words_;
  AlignedVector<std::uint64_t> bits_;
};

}  // namespace datus
