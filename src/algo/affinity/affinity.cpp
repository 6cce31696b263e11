// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/affinity.hpp"

#include "algo/affinity/product.hpp"
#include "datus/core/error.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <string>
#include <vector>

namespace datus {
namespace {

using affinity::panel_width;
using affinity::Product;
using affinity::Tile;

constexpr int word_bits = 64;

bool is_valid(std::span<const std::uint8_t> valid, int node) {
  return valid.empty() || valid[static_cast<std::size_t>(node)] != 0;
}

void require_finite(float value, int i, int j) {
  if (!std::isfinite(value)) affinity::refuse_affinity(i, j);
}

/// Calls visit(i, j, A_ij) for all valid pairs i <= j.
template <class Visit>
void for_each_pair(const Product& product, std::span<const std::uint8_t> valid, Visit&& visit) {
  product.for_each_tile([&](const Tile& tile) {
    for (int i = tile.first_row; i < tile.first_row + tile.rows; ++i) {
      if (!is_valid(valid, i)) continue;
      const float* values = tile.values + (i - tile.first_row) * tile.stride;
      for (int j = std::max(i, tile.first_column); j < tile.first_column + tile.columns; ++j) {
        if (is_valid(valid, j)) visit(i, j, values[j - tile.first_column]);
      }
    }
  });
}

/// The threshold itself, or the quantile of the affinities of different patches.
float threshold_of(const Product& product, const AffinityOptions& options, std::span<const std::uint8_t> valid) {
  if (!options.quantile) return options.threshold;
  const double quantile = *options.quantile;
  if (!(quantile >= 0.0 && quantile <= 1.0)) {
    throw UsageError("affinity.quantile is " + std::to_string(quantile), "a quantile lies between 0 and 1",
                     "Set it to a number from 0 to 1, or to null.");
  }
  std::vector<float> values;
  const auto count = static_cast<std::size_t>(product.nodes());
  values.reserve(count * (count - 1) / 2);
  for_each_pair(product, valid, [&](int i, int j, float value) {
    if (i == j) return;
    require_finite(value, i, j);
    values.push_back(value);
  });
  if (values.empty()) return options.threshold;
  const auto rank = static_cast<std::ptrdiff_t>(std::floor(quantile * static_cast<double>(values.size() - 1)));
  std::nth_element(values.begin(), values.begin() + rank, values.end());
  return values[static_cast<std::size_t>(rank)];
}

/// Swaps rows and columns of a 64 x 64 bit matrix: the off-diagonal halves of each block of 2 * step, for falling step.
void transpose(std::array<std::uint64_t, word_bits>& rows) {
  std::uint64_t low_halves = 0x00000000FFFFFFFFU;
  for (unsigned step = word_bits / 2; step > 0; step /= 2, low_halves ^= low_halves << step) {
    for (unsigned k = 0; k < word_bits; ++k) {
      if ((k & step) != 0) continue;
      const std::uint64_t swapped = ((rows[k] >> step) ^ rows[k + step]) & low_halves;
      rows[k] ^= swapped << step;
      rows[k + step] ^= swapped;
    }
  }
}

/// Bit j of the result: patch j is valid.
AlignedVector<std::uint64_t> valid_words(const BitGraph& graph, std::span<const std::uint8_t> valid) {
  AlignedVector<std::uint64_t> words(graph.words_per_row());
  for (int j = 0; j < graph.nodes(); ++j) {
    if (is_valid(valid, j)) words[static_cast<std::size_t>(j / word_bits)] |= std::uint64_t{1} << (j % word_bits);
  }
  return words;
}

/// Keeps the edges between valid patches, and completes the blocks on and below the diagonal from their mirror images.
void mask_and_mirror(BitGraph& graph, std::span<const std::uint8_t> valid) {
  const AlignedVector<std::uint64_t> kept = valid_words(graph, valid);
  const int blocks = (graph.nodes() + word_bits - 1) / word_bits;
  std::array<std::uint64_t, word_bits> block{};
  for (int row_block = 0; row_block < blocks; ++row_block) {
    const int first_row = row_block * word_bits;
    const int rows = std::min(word_bits, graph.nodes() - first_row);
    for (int column_block = row_block; column_block < blocks; ++column_block) {
      const auto word = static_cast<std::size_t>(column_block);
      block.fill(0);
      for (int k = 0; k < rows; ++k) {
        std::uint64_t& bits = graph.row(first_row + k)[word];
        bits &= is_valid(valid, first_row + k) ? kept[word] : 0;
        block[static_cast<std::size_t>(k)] = bits;
      }
      transpose(block);
      const int columns = std::min(word_bits, graph.nodes() - column_block * word_bits);
      for (int k = 0; k < columns; ++k) {
        std::uint64_t& bits = graph.row(column_block * word_bits + k)[static_cast<std::size_t>(row_block)];
        // Tiles may have left some unmasked pairs below the diagonal: they are written over.
        bits = (column_block == row_block ? bits : 0) | block[static_cast<std::size_t>(k)];
      }
    }
  }
}

/// The largest s with llrint(largest * 2^s) < 2^16.
int weight_exponent(float largest) {
  int exponent = 0;
  static_cast<void>(std::frexp(largest, &exponent));
  const int scale = 16 - exponent;
  return std::llrint(std::ldexp(static_cast<double>(largest), scale)) < 0x10000 ? scale : scale - 1;
}

}  // namespace

BitGraph build_bit_graph(std::span<const float> keys, int nodes, int dim, const AffinityOptions& options,
                         std::span<const std::uint8_t> valid, SimdPath path) {
  const Product product(keys, nodes, dim, options, valid, path);
  const float threshold = threshold_of(product, options, valid);
  BitGraph graph(nodes);
  product.for_each_tile([&](const Tile& tile) {
    for (int r = 0; r < tile.rows; ++r) {
      const auto row = graph.row(tile.first_row + r);
      const float* values = tile.values + r * tile.stride;
      for (int c = 0; c < tile.columns; c += panel_width) {
        const int column = tile.first_column + c;
        const std::uint64_t bits = product.kernel().compare(values + c, threshold);
        row[static_cast<std::size_t>(column / word_bits)] |= bits << (column % word_bits);
      }
    }
  });
  mask_and_mirror(graph, valid);
  return graph;
}

namespace {

/// Soft weights: 2^16 - 1 stands for 1, which is the weight of a patch for itself.
WeightedGraph build_soft_graph(const Product& product, double temperature, std::span<const std::uint8_t> valid) {
  constexpr double largest = 65535.0;
  WeightedGraph graph(product.nodes());
  const auto scale = static_cast<float>(1.0 / temperature);
  alignas(64) std::array<float, panel_width> weights{};
  product.for_each_tile([&](const Tile& tile) {
    for (int i = tile.first_row; i < tile.first_row + tile.rows; ++i) {
      if (!is_valid(valid, i)) continue;
      const float* values = tile.values + (i - tile.first_row) * tile.stride;
      for (int panel = 0; panel < tile.columns; panel += panel_width) {
        // Cosines that are no numbers have such a weight, which is not 0: all others that are left out are finite.
        std::uint32_t bits = product.kernel().soft_weights(values + panel, scale, weights.data());
        for (; bits != 0; bits &= bits - 1) {
          const int c = std::countr_zero(bits);
          const int j = tile.first_column + panel + c;
          if (j < i || panel + c >= tile.columns || !is_valid(valid, j)) continue;
          require_finite(values[panel + c], i, j);
          const float weight = std::min(1.0F, weights[static_cast<std::size_t>(c)]);
          graph.set_weight(i, j, static_cast<std::uint16_t>(std::llrint(static_cast<double>(weight) * largest)));
        }
      }
    }
  });
  // A patch without a direction is not like itself in its cosine, but it is.
  for (int i = 0; i < product.nodes(); ++i) {
    if (is_valid(valid, i)) graph.set_weight(i, i, static_cast<std::uint16_t>(largest));
  }
  return graph;
}

}  // namespace

WeightedGraph build_weighted_graph(std::span<const float> keys, int nodes, int dim, const AffinityOptions& options,
                                   std::span<const std::uint8_t> valid, SimdPath path) {
  if (options.temperature) {
    affinity::require_soft_weights(options);
    return build_soft_graph(Product(keys, nodes, dim, options, valid, path), *options.temperature, valid);
  }
  if (!options.quantile && !(options.threshold >= 0.0F)) {
    throw UsageError("affinity.threshold is " + std::to_string(options.threshold) + " with affinity.weights: affinity",
                     "a weight cannot be negative", "Set it to 0 or more, or affinity.weights: sign.");
  }
  const Product product(keys, nodes, dim, options, valid, path);
  const float threshold = std::max(threshold_of(product, options, valid), 0.0F);
  float largest = 0.0F;
  for_each_pair(product, valid, [&](int i, int j, float value) {
    require_finite(value, i, j);
    largest = std::max(largest, value);
  });
  WeightedGraph graph(nodes);
  if (!(largest > threshold)) return graph;
  const double scale = std::ldexp(1.0, weight_exponent(largest));
  for_each_pair(product, valid, [&](int i, int j, float value) {
    if (!(value > threshold)) return;
    graph.set_weight(i, j, static_cast<std::uint16_t>(std::llrint(static_cast<double>(value) * scale)));
  });
  return graph;
}

}  // namespace datus
