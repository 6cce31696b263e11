#include "algo/affinity/product.hpp"

#include "datus/core/error.hpp"

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace datus::affinity {
namespace {

Kernel kernel_for(SimdPath path) {
  require_simd_path(path);
  switch (path) {
    case SimdPath::avx512:
      return avx512_kernel();
    case SimdPath::avx2:
      return avx2_kernel();
    case SimdPath::scalar:
      break;
  }
  return scalar_kernel();
}

/// The mean key of the valid patches; empty without centring.
std::vector<float> center_of(std::span<const float> keys, int dim, const AffinityOptions& options,
                             std::span<const std::uint8_t> valid) {
  if (!options.subtracts_mean()) return {};
  const auto size = static_cast<std::size_t>(dim);
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

void scale_to_unit_length(std::span<float> key) {
  double sum = 0.0;
  for (const float value : key) sum += static_cast<double>(value) * static_cast<double>(value);  // exact products
  if (sum == 0.0) return;
  const double length = std::sqrt(sum);
  for (float& value : key) value = static_cast<float>(static_cast<double>(value) / length);
}

}  // namespace

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
  const std::vector<float> mean = center_of(keys, dim, options, valid);
  constexpr std::size_t width = panel_width;
  // The last tile of rows may reach beyond the last panel of columns.
  const std::size_t panels = (count + static_cast<std::size_t>(kernel_.tile_rows) - 1 + width - 1) / width;
  packed_.resize(panels * size * width);
  std::vector<float> key(size);
  for (std::size_t node = 0; node < count; ++node) {
    std::copy_n(keys.data() + node * size, size, key.data());
    for (std::size_t d = 0; d < mean.size(); ++d) key[d] -= mean[d];
    if (options.scales_keys()) scale_to_unit_length(key);
    float* to = packed_.data() + node / width * size * width + node % width;
    for (std::size_t d = 0; d < size; ++d) to[d * width] = key[d];
  }
}

}  // namespace datus::affinity
