#pragma once

// Mini-batch k-means as `kmeans` defines it, to the bit, in plain loops.

#include "datus/core/philox.hpp"
#include "kmeans_reference.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

namespace datus::test {

/// The order of `blocks` blocks: the whole Feistel network as a table, then walks through it.
inline std::vector<std::int64_t> reference_block_order(std::int64_t blocks, std::uint64_t seed, std::uint32_t epoch) {
  const auto key = philox({static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32U), 0, 0}, {4, 0});
  std::uint32_t bits = 2;
  while ((std::int64_t{1} << bits) < blocks) bits += 2;
  const std::uint32_t half = 1U << (bits / 2);
  std::vector<std::int64_t> table;
  for (std::uint32_t number = 0; number < half * half; ++number) {
    std::pair<std::uint32_t, std::uint32_t> halves{number / half, number % half};
    for (std::uint32_t round = 0; round < 6; ++round) {
      const std::uint32_t value = philox({halves.second, round, epoch, 0}, {key[0], key[1]})[0] % half;
      halves = {halves.second, halves.first ^ value};
    }
    table.push_back(std::int64_t{halves.first} * half + halves.second);
  }
  std::vector<std::int64_t> order;
  for (std::int64_t i = 0; i < blocks; ++i) {
    std::int64_t number = table[static_cast<std::size_t>(i)];
    while (number >= blocks) number = table[static_cast<std::size_t>(number)];
    order.push_back(number);
  }
  return order;
}

/// The rows of each batch of an epoch.
inline std::vector<std::vector<std::int64_t>> reference_batches(std::int64_t rows, std::int64_t batch_size,
                                                                std::uint64_t seed, std::uint32_t epoch) {
  std::vector<std::vector<std::int64_t>> batches;
  for (const std::int64_t block : reference_block_order((rows + 15) / 16, seed, epoch)) {
    for (std::int64_t row = block * 16; row < std::min(rows, block * 16 + 16); ++row) {
      if (batches.empty() || std::ssize(batches.back()) == batch_size) batches.emplace_back();
      batches.back().push_back(row);
    }
  }
  return batches;
}

/// Moves the centroids by one batch; returns its inertia.
inline double reference_batch(const Matrix& batch, const KMeansResult& scales, std::vector<std::int64_t>& weights,
                              std::vector<float>& centroids) {
  const auto clusters = weights.size();
  const ReferenceAssignment assignment =
      reference_assign(batch, centroids, static_cast<int>(clusters), scales.inertia_scale_log2);
  std::int64_t inertia = 0;
  for (std::size_t k = 0; k < clusters; ++k) {
    inertia += assignment.inertia[k];
    const std::int64_t count = std::ranges::count(assignment.labels, static_cast<std::int32_t>(k));
    if (count == 0) continue;
    for (int d = 0; d < batch.dim; ++d) {
      std::int64_t sum = 0;
      for (std::int64_t i = 0; i < batch.rows; ++i) {
        if (assignment.labels[static_cast<std::size_t>(i)] != static_cast<std::int32_t>(k)) continue;
        sum += std::llrint(std::ldexp(static_cast<double>(batch.row(i)[d]), scales.sum_scale_log2));
      }
      float& c = centroids[k * static_cast<std::size_t>(batch.dim) + static_cast<std::size_t>(d)];
      const double of_batch = std::ldexp(static_cast<double>(sum), -scales.sum_scale_log2);
      c = static_cast<float>(std::fma(static_cast<double>(c), static_cast<double>(weights[k]), of_batch) /
                             static_cast<double>(weights[k] + count));
    }
    weights[k] += count;
  }
  return std::ldexp(static_cast<double>(inertia), -scales.inertia_scale_log2);
}

/// From given first centroids. The scales are taken from `scales`, a result for the same rows.
inline KMeansResult reference_mini_batch(const Matrix& rows, const KMeansOptions& options, int clusters,
                                         std::vector<float> centroids, const KMeansResult& scales) {
  KMeansResult result;
  result.clusters = clusters;
  std::vector<std::int64_t> weights(static_cast<std::size_t>(clusters), 0);
  const auto n = static_cast<double>(rows.rows);
  double smoothed = 0.0;
  double lowest = std::numeric_limits<double>::infinity();
  int waited = 0;
  for (int epoch = 0; epoch < options.epochs && !result.converged; ++epoch) {
    for (const auto& chosen :
         reference_batches(rows.rows, options.batch_size, options.seed, static_cast<std::uint32_t>(epoch))) {
      const auto size = static_cast<double>(chosen.size());
      const Matrix batch{std::ssize(chosen), rows.dim, rows_at(rows, chosen)};
      const double mean = reference_batch(batch, scales, weights, centroids) / size;
      result.inertia.push_back(mean * n);
      if (result.inertia.size() == 1) continue;
      const double share = std::min(1.0, 2.0 * size / (n + 1.0));
      smoothed = result.inertia.size() == 2 ? mean : smoothed * (1.0 - share) + mean * share;
      waited = smoothed < lowest ? 0 : waited + 1;
      lowest = std::min(lowest, smoothed);
      result.converged = waited == 10;
      if (result.converged) break;
    }
  }
  const ReferenceAssignment last = reference_assign(rows, centroids, clusters, scales.inertia_scale_log2);
  result.assignment = last.labels;
  std::int64_t total = 0;
  for (const std::int64_t of_cluster : last.inertia) total += of_cluster;
  result.final_inertia = std::ldexp(static_cast<double>(total), -scales.inertia_scale_log2);
  result.centroids = std::move(centroids);
  return result;
}

}  // namespace datus::test
