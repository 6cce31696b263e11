// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/gpu_affinity.hpp"
#include "datus/core/half.hpp"

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

// Images for tests of graphs on a GPU.

namespace datus::affinity_images {

/// An image: its keys and, where some patches are padding, flags.
struct Image {
  std::vector<float> keys;
  std::vector<std::uint8_t> valid;
};

struct Shape {
  int nodes;
  int dim;
};

inline std::vector<float> random_keys(Shape shape, unsigned seed, float mean = 0.1F) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(mean, 1.0F);
  std::vector<float> keys(static_cast<std::size_t>(shape.nodes) * static_cast<std::size_t>(shape.dim));
  for (float& value : keys) value = normal(generator);
  return keys;
}

/// Keys around a few directions: of all cosines there are some, and so of all weights.
inline std::vector<float> grouped_keys(Shape shape, unsigned seed) {
  std::vector<float> keys = random_keys(shape, seed);
  const std::vector<float> directions = random_keys({4, shape.dim}, seed + 1, 0.0F);
  const auto dim = static_cast<std::size_t>(shape.dim);
  for (std::size_t node = 0; node < static_cast<std::size_t>(shape.nodes); ++node) {
    const float share = static_cast<float>(node % 7) / 4;
    for (std::size_t d = 0; d < dim; ++d) keys[node * dim + d] += share * 3 * directions[node % 4 * dim + d];
  }
  return keys;
}

inline std::vector<float> as_halves(std::vector<float> values) {
  for (float& value : values) value = to_float(to_half(value));
  return values;
}

inline std::vector<std::uint8_t> random_mask(int nodes, unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<std::uint8_t> valid(static_cast<std::size_t>(nodes));
  for (std::uint8_t& flag : valid) flag = generator() % 4 != 0 ? 1 : 0;
  return valid;
}

template <class Gpu>
void stage_all(Gpu& gpu, std::span<const Image> images) {
  for (std::size_t i = 0; i < images.size(); ++i) gpu.stage(static_cast<int>(i), images[i].keys, images[i].valid);
}

}  // namespace datus::affinity_images
