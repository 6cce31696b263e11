#pragma once

#include "algo/kmeans/float_mode.hpp"
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

/// One pass over all local rows.
inline void for_each_block(const KMeansRows& rows, int threads, const RowBlockBody& body) {
  const RowRange all{0, rows.count()};
  for_each_block(rows, std::span(&all, 1), threads, body);
}

}  // namespace datus::clustering
