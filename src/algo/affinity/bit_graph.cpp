// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/bit_graph.hpp"

#include "datus/core/error.hpp"

#include <bit>
#include <string>

namespace datus {
namespace {

constexpr std::size_t line_words = 8;

}  // namespace

int checked_nodes(int nodes) {
  if (nodes >= 1 && nodes <= max_nodes) return nodes;
  throw InputError("The graph of an image cannot have " + std::to_string(nodes) + " patches",
                   "1 to " + std::to_string(max_nodes) + " are possible", "Choose another model.input_size.");
}

BitGraph::BitGraph(int nodes)
    : nodes_(checked_nodes(nodes)),
      words_((static_cast<std::size_t>(nodes) + 64 * line_words - 1) / (64 * line_words) * line_words),
      bits_(static_cast<std::size_t>(nodes) * words_) {}

void BitGraph::add_edge(int i, int j) {
  row(i)[static_cast<std::size_t>(j) / 64] |= std::uint64_t{1} << (static_cast<unsigned>(j) % 64U);
  row(j)[static_cast<std::size_t>(i) / 64] |= std::uint64_t{1} << (static_cast<unsigned>(i) % 64U);
}

std::int64_t BitGraph::degree(int node) const {
  std::int64_t sum = 0;
  for (const std::uint64_t word : row(node)) sum += std::popcount(word);
  return sum;
}

std::int64_t BitGraph::total() const {
  std::int64_t sum = 0;
  for (const std::uint64_t word : bits_) sum += std::popcount(word);
  return sum;
}

}  // namespace datus
