#include "algo/kmeans/update.hpp"

#include "algo/kmeans/totals.hpp"

#include <cmath>
#include <cstddef>

namespace datus::clustering {
namespace {

constexpr std::size_t nothing = static_cast<std::size_t>(-1);

/// The cluster with the largest inertia among those that have rows, the lowest index on ties.
std::size_t largest_cluster(const std::vector<bool>& has_rows, const std::vector<std::int64_t>& inertia) {
  std::size_t largest = nothing;
  for (std::size_t k = 0; k < inertia.size(); ++k) {
    if (has_rows[k] && (largest == nothing || inertia[k] > inertia[largest])) largest = k;
  }
  return largest;
}

/// Pulls two copies of `from` apart, a little and in a direction that favours no sign.
void split(std::span<float> from, std::span<float> to) {
  constexpr float outward = 1.0F + 0x1p-10F;
  constexpr float inward = 1.0F - 0x1p-10F;
  for (std::size_t d = 0; d < from.size(); ++d) {
    const float centre = from[d];
    to[d] = centre * (d % 2 == 0 ? outward : inward);
    from[d] = centre * (d % 2 == 0 ? inward : outward);
  }
}

}  // namespace

void take_means(std::span<const std::int64_t> sums, std::span<const std::int64_t> counts, int scale_log2,
                std::span<float> centroids) {
  const std::size_t dim = centroids.size() / counts.size();
  const double scale = std::ldexp(1.0, scale_log2);
  for (std::size_t k = 0; k < counts.size(); ++k) {
    if (counts[k] == 0) continue;
    for (std::size_t i = k * dim; i < (k + 1) * dim; ++i) centroids[i] = mean_of(sums[i], counts[k], scale);
  }
}

std::int64_t refill_empty(std::span<const std::int64_t> counts, std::vector<std::int64_t> inertia,
                          std::span<float> centroids) {
  const std::size_t dim = centroids.size() / counts.size();
  std::vector<bool> has_rows;
  for (const std::int64_t count : counts) has_rows.push_back(count > 0);
  std::int64_t repairs = 0;
  for (std::size_t k = 0; k < counts.size(); ++k) {
    if (has_rows[k]) continue;
    const std::size_t largest = largest_cluster(has_rows, inertia);
    split(centroids.subspan(largest * dim, dim), centroids.subspan(k * dim, dim));
    inertia[largest] /= 2;
    inertia[k] = inertia[largest];
    has_rows[k] = true;
    ++repairs;
  }
  return repairs;
}

}  // namespace datus::clustering
