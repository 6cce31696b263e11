// SPDX-License-Identifier: Apache-2.0
#include "algo/affinity/prepared_keys.hpp"

#include <algorithm>
#include <cmath>

namespace datus::affinity {
namespace {

std::vector<float> mean_key(std::span<const float> keys, std::size_t size, std::span<const std::uint8_t> valid) {
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

void scale_to_unit_length(std::span<float> values) {
  double sum = 0.0;
  for (const float value : values) sum += static_cast<double>(value) * static_cast<double>(value);  // exact products
  if (sum == 0.0) return;
  const double length = std::sqrt(sum);
  for (float& value : values) value = static_cast<float>(static_cast<double>(value) / length);
}

void scale_rows_to_unit_length(std::span<float> rows, int dim) {
  const auto width = static_cast<std::size_t>(dim);
  for (std::size_t begin = 0; begin < rows.size(); begin += width) scale_to_unit_length(rows.subspan(begin, width));
}

PreparedKeys::PreparedKeys(std::span<const float> keys, int dim, const AffinityOptions& options,
                           std::span<const std::uint8_t> valid)
    : keys_(keys), scales_(options.scales_keys()) {
  if (options.subtracts_mean()) mean_ = mean_key(keys, static_cast<std::size_t>(dim), valid);
}

void PreparedKeys::copy(std::size_t node, std::span<float> key) const {
  std::copy_n(keys_.data() + node * key.size(), key.size(), key.data());
  for (std::size_t d = 0; d < mean_.size(); ++d) key[d] -= mean_[d];
  if (scales_) scale_to_unit_length(key);
}

}  // namespace datus::affinity
