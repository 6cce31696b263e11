// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/tally.hpp"

#include "algo/kmeans/totals.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

namespace datus::clustering {
namespace {

std::array<std::vector<std::int64_t>*, 4> parts_of(Tally& tally) {
  return {&tally.sums, &tally.counts, &tally.squares, &tally.inertia};
}

}  // namespace

Tally::Tally(const KMeansPair& pair, int dim) {
  const auto clusters = static_cast<std::size_t>(pair.clusters);
  sums.resize(clusters * static_cast<std::size_t>(dim) * (pair.precise ? 2 : 1));
  counts.resize(clusters);
  squares.resize(pair.precise ? 0 : clusters);
  inertia.resize(pair.precise ? inertia_parts * clusters : 0);
}

void Tally::add(const Tally& other) {
  const auto add_to = [](std::vector<std::int64_t>& to, const std::vector<std::int64_t>& terms) {
    std::ranges::transform(to, terms, to.begin(), std::plus<>());
  };
  add_to(sums, other.sums);
  add_to(counts, other.counts);
  add_to(squares, other.squares);
  add_to(inertia, other.inertia);
  moved += other.moved;
  unrepresentable += other.unrepresentable;
}

std::int64_t reduce(std::span<Tally> tallies, bool stop_requested, Communicator& comm) {
  std::vector<std::int64_t> packed{stop_requested ? 1 : 0};
  for (Tally& tally : tallies) {
    packed.insert(packed.end(), {tally.moved, tally.unrepresentable});
    for (const auto* values : parts_of(tally)) packed.insert(packed.end(), values->begin(), values->end());
  }
  comm.allreduce(packed, ReduceOp::sum);
  auto next = packed.begin() + 1;
  for (Tally& tally : tallies) {
    tally.moved = *next++;
    tally.unrepresentable = *next++;
    for (auto* values : parts_of(tally)) {
      std::copy_n(next, values->size(), values->begin());
      next += static_cast<std::ptrdiff_t>(values->size());
    }
  }
  return packed.front();
}

std::vector<double> inertia_of_clusters(const KMeansPair& pair, const Tally& tally, const FixedPointScales& scales,
                                        const Kernels& kernels) {
  const std::size_t clusters = tally.counts.size();
  const std::size_t dim = pair.centroids.size() / clusters;
  const double sum_unit = std::ldexp(1.0, -scales.sum_log2);
  const double inertia_scale = std::ldexp(1.0, scales.inertia_log2);
  std::vector<double> inertia;
  for (std::size_t k = 0; k < clusters; ++k) {
    if (pair.precise) {
      double units = 0.0;
      for (std::size_t part = inertia_parts; part-- > 0;) {
        units = static_cast<double>(tally.inertia[part * clusters + k]) + std::ldexp(units, -scales.rest_log2);
      }
      inertia.push_back(units / inertia_scale);
    } else {
      const ClusterTotals totals{tally.sums.data() + k * dim, tally.counts[k], tally.squares[k], sum_unit,
                                 inertia_scale};
      inertia.push_back(kernels.inertia(totals, pair.centroids.data() + k * dim, static_cast<int>(dim)));
    }
  }
  return inertia;
}

}  // namespace datus::clustering
