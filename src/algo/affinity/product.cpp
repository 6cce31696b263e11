// SPDX-License-Identifier: Apache-2.0
#include "algo/affinity/product.hpp"

#include "datus/core/error.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace datus::affinity {
namespace {

/// Of the valid rows, in f64; empty where it is not subtracted.
std::vector<float> mean_key(std::span<const float> keys, std::size_t size, const AffinityOptions& options,
                            std::span<const std::uint8_t> valid) {
  if (!options.subtracts_mean()) return {};
  std::vector<double> sums(size);
  std::int64_t count = 0;
  for (std::size_t node = 0; node < keys.size() / size; ++node) {
    if (!valid.empty() && valid[node] == 0) continue;
    ++count;
    for (std::size_t d = 0; d < size; ++d) sums[d] += static_cast<double>(keys[node * size + d]);
  }
  std::vector<float> mean(size);
  if (count == 0) return mean;
  for (std::size_t d = 0; d < size; ++d) mean[d] = static_cast<float>(sums[d] / static_cast<double>(count));
  return mean;
}

}  // namespace

Kernel kernel_for(SimdPath path) {
  return for_path(path, scalar_kernel, avx2_kernel, avx512_kernel)();
}

void scale_to_unit_length(std::span<float> rows, int dim, const Kernel& kernel) {
  const auto width = static_cast<std::size_t>(dim);
  kernel.scale_rows(rows.data(), rows.size() / width, width);
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

void refuse_affinity(int i, int j) {
  throw InputError("The affinity of patches " + std::to_string(i) + " and " + std::to_string(j) + " is not finite",
                   "their keys are too large or not finite", "Check the keys, or use affinity.metric: cosine.");
}

void require_soft_weights(const AffinityOptions& options) {
  if (options.temperature && *options.temperature > 0.0 && options.scales_keys()) return;
  throw UsageError("affinity.temperature cannot be used",
                   "it must be above 0, and weights are soft for affinity.metric: cosine only",
                   "Set affinity.metric: cosine and a temperature such as 0.1.");
}

Product::Product(std::span<const float> keys, int nodes, int dim, const AffinityOptions& options,
                 std::span<const std::uint8_t> valid, SimdPath path)
    : nodes_(nodes), dim_(dim), kernel_(kernel_for(path)) {
  require_fitting(keys.size(), nodes, dim, valid);
  const auto size = static_cast<std::size_t>(dim);
  const auto count = static_cast<std::size_t>(nodes);
  const std::vector<float> mean = mean_key(keys, size, options, valid);
  constexpr std::size_t width = panel_width;
  // The last tile of rows may reach beyond the last panel of columns.
  packed_.resize(panels_of(count + static_cast<std::size_t>(kernel_.tile_rows) - 1) * size * width);
  std::vector<float> rows;  // of a panel
  for (std::size_t first = 0; first < keys.size(); first += width * size) {
    const auto stored = keys.subspan(first, std::min(width * size, keys.size() - first));
    rows.assign(stored.begin(), stored.end());
    for (std::size_t begin = 0; begin < rows.size(); begin += size) {
      for (std::size_t d = 0; d < mean.size(); ++d) rows[begin + d] -= mean[d];
    }
    if (options.scales_keys()) scale_to_unit_length(rows, dim, kernel_);
    pack_rows(rows, size, std::span(packed_).subspan(first));
  }
}

}  // namespace datus::affinity
