// SPDX-License-Identifier: Apache-2.0
#include "algo/affinity/product.hpp"

#include "algo/affinity/prepared_keys.hpp"
#include "datus/core/error.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace datus::affinity {

Kernel kernel_for(SimdPath path) {
  return for_path(path, scalar_kernel, avx2_kernel, avx512_kernel)();
}

void pack_rows(std::span<const float> rows, std::size_t size, std::span<float> packed) {
  for (std::size_t row = 0; row * size < rows.size(); ++row) {
    const float* const from = rows.data() + row * size;
    float* const to = packed.data() + row / panel_width * size * panel_width + row % panel_width;
    for (std::size_t i = 0; i < size; ++i) to[i * panel_width] = from[i];
  }
}

void require_fitting(std::size_t values, int nodes, int dim, std::span<const std::uint8_t> valid) {
  const auto count = static_cast<std::size_t>(checked_nodes(nodes));
  if (dim < 1 || values != count * static_cast<std::size_t>(dim)) {
    throw InputError("The keys of an image do not fit its patches",
                     std::to_string(values) + " values for " + std::to_string(nodes) + " patches of " +
                         std::to_string(dim) + " dimensions",
                     "Check the shape of /keys and the attributes rows and cols of its file.");
  }
  if (!valid.empty() && valid.size() != count) {
    throw InputError("The mask of valid patches does not fit the keys",
                     std::to_string(valid.size()) + " flags for " + std::to_string(nodes) + " patches",
                     "Give one flag for each patch, or none.");
  }
}

Product::Product(std::span<const float> keys, int nodes, int dim, const AffinityOptions& options,
                 std::span<const std::uint8_t> valid, SimdPath path)
    : nodes_(nodes), dim_(dim), kernel_(kernel_for(path)) {
  require_fitting(keys.size(), nodes, dim, valid);
  const auto size = static_cast<std::size_t>(dim);
  const auto count = static_cast<std::size_t>(nodes);
  const PreparedKeys prepared(keys, dim, options, valid);
  constexpr std::size_t width = panel_width;
  // The last tile of rows may reach beyond the last panel of columns.
  const std::size_t panels = (count + static_cast<std::size_t>(kernel_.tile_rows) - 1 + width - 1) / width;
  packed_.resize(panels * size * width);
  std::vector<float> key(size);
  for (std::size_t node = 0; node < count; ++node) {
    prepared.copy(node, key);
    float* to = packed_.data() + node / width * size * width + node % width;
    for (std::size_t d = 0; d < size; ++d) to[d * width] = key[d];
  }
}

}  // namespace datus::affinity
