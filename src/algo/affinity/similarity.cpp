// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/similarity.hpp"

#include "algo/affinity/matrix_product.hpp"
#include "algo/affinity/prepared_keys.hpp"
#include "datus/core/error.hpp"

#include <algorithm>
#include <cstddef>
#include <string>

namespace datus {

std::vector<float> unit_embeddings(std::span<const float> embeddings, int dim) {
  std::vector<float> unit(embeddings.begin(), embeddings.end());
  affinity::scale_rows_to_unit_length(unit, dim);
  return unit;
}

std::vector<float> cluster_similarities(std::span<const float> embeddings, int dim, std::span<const double> centroids,
                                        std::span<const std::int32_t> cluster_of_centroid, int clusters,
                                        SimdPath path) {
  const auto width = static_cast<std::size_t>(std::max(dim, 1));
  const bool names_clusters = std::ranges::all_of(
      cluster_of_centroid, [&](std::int32_t cluster) { return cluster >= 0 && cluster < clusters; });
  if (dim < 1 || embeddings.size() % width != 0 || centroids.size() != cluster_of_centroid.size() * width ||
      !names_clusters) {
    throw InputError("Embeddings of " + std::to_string(dim) + " values cannot be compared with the clusters",
                     std::to_string(centroids.size()) + " values of centroids belong to " +
                         std::to_string(cluster_of_centroid.size()) + " of them and " + std::to_string(clusters) +
                         " clusters",
                     "Use clusters that were made from the same embeddings.");
  }
  std::vector<float> unit(centroids.begin(), centroids.end());
  affinity::scale_rows_to_unit_length(unit, dim);
  affinity::MatrixProduct product(unit, static_cast<int>(cluster_of_centroid.size()), dim, path);
  const auto count = static_cast<std::size_t>(clusters);
  const std::size_t rows = embeddings.size() / width;
  std::vector<float> similarity(rows * count, -1.0F);
  for (std::size_t first = 0; first < rows; first += static_cast<std::size_t>(product.strip_rows())) {
    const int strip = static_cast<int>(std::min(rows - first, static_cast<std::size_t>(product.strip_rows())));
    for (int row = 0; row < strip; ++row) {
      const float* values = embeddings.data() + (first + static_cast<std::size_t>(row)) * width;
      for (int d = 0; d < dim; ++d) product.strip(row, d) = values[d];
    }
    product.multiply(strip, [&](int row, int column, float cosine) {
      const auto cluster = static_cast<std::size_t>(cluster_of_centroid[static_cast<std::size_t>(column)]);
      float& largest = similarity[(first + static_cast<std::size_t>(row)) * count + cluster];
      largest = std::max(largest, cosine);
    });
  }
  return similarity;
}

}  // namespace datus
