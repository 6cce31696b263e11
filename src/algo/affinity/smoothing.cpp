// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/smoothing.hpp"

#include "algo/affinity/matrix_product.hpp"
#include "algo/affinity/prepared_keys.hpp"
#include "algo/affinity/product.hpp"
#include "algo/affinity/soft_weight.hpp"
#include "datus/core/error.hpp"

#include <cstddef>
#include <string>

namespace datus {
namespace {

using affinity::MatrixProduct;

}  // namespace

std::vector<float> smooth_embeddings(std::span<const float> embeddings, int nodes, int dim, double temperature,
                                     std::span<const std::uint8_t> valid, SimdPath path) {
  affinity::require_fitting(embeddings.size(), nodes, dim, valid);
  if (!(temperature > 0.0)) {
    throw UsageError("The temperature " + std::to_string(temperature) + " cannot be used", "it must be above 0",
                     "Set descriptor.smoothing to a number such as 0.05, or to null.");
  }
  const auto is_valid = [&](int node) { return valid.empty() || valid[static_cast<std::size_t>(node)] != 0; };
  const auto width = static_cast<std::size_t>(dim);
  const AffinityOptions options{.center = AffinityOptions::Center::image, .metric = AffinityOptions::Metric::cosine};
  const affinity::PreparedKeys prepared(embeddings, dim, options, valid);
  std::vector<float> keys(embeddings.size());
  for (std::size_t node = 0; node < static_cast<std::size_t>(nodes); ++node) {
    prepared.copy(node, std::span(keys).subspan(node * width, width));
  }
  MatrixProduct affinities(keys, nodes, dim, MatrixProduct::Layout::columns_together, path);
  MatrixProduct means(embeddings, dim, nodes, MatrixProduct::Layout::rows_together, path);
  const auto scale = static_cast<float>(1.0 / temperature);
  std::vector<float> smooth(embeddings.begin(), embeddings.end());
  for (int first = 0; first < nodes; first += affinities.strip_rows()) {
    const int rows = std::min(affinities.strip_rows(), nodes - first);
    for (int row = 0; row < rows; ++row) {
      const float* key = keys.data() + static_cast<std::size_t>(first + row) * width;
      for (int d = 0; d < dim; ++d) affinities.strip(row, d) = key[d];
    }
    affinities.multiply(rows, [&](int row, int column, float affinity) {
      const float weight = first + row == column ? 1.0F : affinity::soft_weight(affinity, scale);
      means.strip(row, column) = is_valid(column) ? weight : 0.0F;
    });
    means.multiply(rows, [&](int row, int column, float sum) {
      if (is_valid(first + row))
        smooth[static_cast<std::size_t>(first + row) * width + static_cast<std::size_t>(column)] = sum;
    });
  }
  affinity::scale_rows_to_unit_length(smooth, dim);
  return smooth;
}

}  // namespace datus
