// SPDX-License-Identifier: Apache-2.0
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
inline double reference_batch(const Points& batch, const ReferenceScales& scales, std::vector<std::int64_t>& weights,
                              std::vector<double>& centroids, bool& precise) {
  const auto clusters = static_cast<int>(weights.size());
  ReferenceAssignment assignment = reference_assign(batch, centroids, clusters, scales, precise);
  if (!precise && reference_needs_precision(assignment, centroids)) {
    precise = true;
    assignment = reference_assign(batch, centroids, clusters, scales, precise);
  }
  const auto dim = static_cast<std::size_t>(batch.dim);
  for (std::size_t i = 0; i < centroids.size(); ++i) {
    const std::size_t k = i / dim;
    if (assignment.counts[k] == 0) continue;
    centroids[i] = std::fma(centroids[i], static_cast<double>(weights[k]), assignment.sums[i] / scales.sum) /
                   static_cast<double>(weights[k] + assignment.counts[k]);
  }
  for (std::size_t k = 0; k < weights.size(); ++k) weights[k] += assignment.counts[k];
  reference_rounding(precise, {}, centroids);
  return assignment.total();
}

/// From given first centroids. The scales are taken from a result for the same rows, which have no origin.
inline KMeansResult reference_mini_batch(const Matrix& rows, const KMeansOptions& options, int clusters,
                                         std::vector<double> centroids, const KMeansResult& result_of_scales) {
  EXPECT_TRUE(reference_origin(rows).empty());
  const ReferenceScales scales(rows.rows, result_of_scales);
  bool precise = false;
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
      const Points batch{std::ssize(chosen), rows.dim, rows_at(rows, chosen)};
      const double mean = reference_batch(batch, scales, weights, centroids, precise) / size;
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
  const Points all = relative_to({}, rows);
  ReferenceAssignment last = reference_assign(all, centroids, clusters, scales, precise);
  if (!precise && reference_needs_precision(last, centroids)) {
    last = reference_assign(all, centroids, clusters, scales, true);
  }
  result.assignment = last.labels;
  result.final_inertia = last.total();
  result.centroids = std::move(centroids);
  return result;
}

}  // namespace datus::test
