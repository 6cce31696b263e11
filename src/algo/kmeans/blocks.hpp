// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/float_mode.hpp"
#include "algo/kmeans/kernels.hpp"
#include "datus/algo/kmeans_rows.hpp"

#include <span>

namespace datus::clustering {

/// `KMeansRows::visit` with the body in the float mode of `IeeeFloatMode`, whatever threads it runs on.
inline void for_each_block(const KMeansRows& rows, std::span<const RowRange> ranges, int threads,
                           const RowBlockBody& body) {
  rows.visit(ranges, threads, [&](std::size_t worker, const RowBlock& block) {
    const IeeeFloatMode ieee;
    body(worker, block);
  });
}

/// Rows [begin, begin + count) of a block.
[[nodiscard]] inline RowBlock part_of(const RowBlock& block, std::int64_t begin, std::int64_t count, int dim) {
  const std::int64_t place = begin * dim;
  return {block.first + begin, count, block.values == nullptr ? nullptr : block.values + place,
          block.precise == nullptr ? nullptr : block.precise + place};
}

/// The squared distances [number, rows] of a block's rows to points [number, D], by the f64 chain.
inline void squared_distances(const Kernels& kernels, const RowBlock& block, int dim, const double* points,
                              std::int64_t number, double* distances) {
  if (block.precise != nullptr) {
    kernels.precise_squared_distances(block.precise, block.count, dim, points, number, distances);
  } else {
    kernels.squared_distances(block.values, block.count, dim, points, number, distances);
  }
}

/// One pass over all local rows.
inline void for_each_block(const KMeansRows& rows, int threads, const RowBlockBody& body) {
  const RowRange all{0, rows.count()};
  for_each_block(rows, std::span(&all, 1), threads, body);
}

}  // namespace datus::clustering
