#include "datus/algo/smoothing.hpp"

#include "algo/affinity/matrix_product.hpp"
#include "algo/affinity/prepared_keys.hpp"
#include "algo/affinity/product.hpp"
#include "datus/core/error.hpp"

#include <bit>
#include <cmath>
#include <cstddef>
#include <string>

namespace datus {
namespace {

using affinity::MatrixProduct;

constexpr float smallest_exponent = -16.0F;

/// e^x for x in [smallest_exponent, about 1], to 2 units in the last place. Additions and products alone, none of them
/// fused, so that it is the same everywhere; that of the C library is not.
float exponential(float x) {
  constexpr float log2_e = 1.44269504F;
  constexpr float ln2_high = 0.693359375F;  // of few bits: its products with small integers are exact
  constexpr float ln2_low = -2.12194440e-4F;
  constexpr float round = 12582912.0F;  // 1.5 * 2^23: adding it leaves no bit behind the point
  const float n = (x * log2_e + round) - round;
  const float r = (x - n * ln2_high) - n * ln2_low;
  float sum = 1.0F / 720.0F;  // Taylor's series: |r| is at most half of ln 2
  for (const float term : {1.0F / 120.0F, 1.0F / 24.0F, 1.0F / 6.0F, 0.5F, 1.0F, 1.0F}) sum = sum * r + term;
  return sum * std::bit_cast<float>((static_cast<std::int32_t>(n) + 127) << 23);
}

/// From the affinity of two patches to the weight of one for the other.
float weight_of(float affinity, float scale) {
  const float exponent = (affinity - 1.0F) * scale;
  return exponent < smallest_exponent ? 0.0F : exponential(exponent);
}

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
      const float weight = first + row == column ? 1.0F : weight_of(affinity, scale);
      means.strip(row, column) = is_valid(column) ? weight : 0.0F;
    });
    means.multiply(rows, [&](int row, int column, float sum) {
      if (is_valid(first + row))
        smooth[static_cast<std::size_t>(first + row) * width + static_cast<std::size_t>(column)] = sum;
    });
  }
  for (std::size_t node = 0; node < static_cast<std::size_t>(nodes); ++node) {
    affinity::scale_to_unit_length(std::span(smooth).subspan(node * width, width));
  }
  return smooth;
}

}  // namespace datus
