// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/kmeans_rows.hpp"
#include "datus/core/error.hpp"
#include "datus/core/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <string>
#include <utility>

namespace datus {

std::vector<RowRange> cut_ranges(std::span<const RowRange> ranges, std::int64_t rows) {
  std::vector<RowRange> blocks;
  for (const RowRange& range : ranges) {
    const std::int64_t end = range.begin + range.count;
    for (std::int64_t begin = range.begin; begin < end; begin += rows) {
      blocks.push_back({begin, std::min(rows, end - begin)});
    }
  }
  return blocks;
}

std::int64_t rows_per_block(int dim) noexcept {
  constexpr std::int64_t values_per_block = std::int64_t{1} << 18U;
  // Whole strips of the kernels: what is left over takes longer.
  constexpr std::int64_t strip = 48;
  return std::max(strip, values_per_block / std::max(dim, 1) / strip * strip);
}

MemoryRows::MemoryRows(const std::vector<float>& values, int dim, std::int64_t first)
    : MemoryRows(AlignedVector<float>(values.begin(), values.end()), dim, first) {}

MemoryRows::MemoryRows(AlignedVector<float> values, int dim, std::int64_t first)
    : MemoryRows(std::move(values), AlignedVector<double>(), dim, first) {}

MemoryRows::MemoryRows(AlignedVector<double> values, int dim, std::int64_t first)
    : MemoryRows(AlignedVector<float>(), std::move(values), dim, first) {}

MemoryRows::MemoryRows(AlignedVector<float> values, AlignedVector<double> precise, int dim, std::int64_t first)
    : values_(std::move(values)), precise_(std::move(precise)), dim_(dim), first_(first), count_(0) {
  const std::size_t size = values_.size() + precise_.size();
  if (dim < 1 || size % static_cast<std::size_t>(dim) != 0) {
    throw UsageError("A matrix of " + std::to_string(size) + " values has no rows of length " + std::to_string(dim),
                     "its size must be rows times a positive length", "Pass the matrix with its own row length.");
  }
  count_ = static_cast<std::int64_t>(size) / dim;
}

void MemoryRows::visit(std::span<const RowRange> ranges, int threads, const RowBlockBody& body) const {
  const std::vector<RowRange> blocks = cut_ranges(ranges, rows_per_block(dim_));
  const auto workers = std::min<std::int64_t>(threads, static_cast<std::int64_t>(blocks.size()));
  std::atomic<std::size_t> next{0};
  parallel_for(workers, static_cast<int>(workers), [&](std::int64_t worker) {
    for (std::size_t i = next++; i < blocks.size(); i = next++) {
      const std::int64_t place = blocks[i].begin * dim_;
      body(static_cast<std::size_t>(worker), {.first = blocks[i].begin,
                                              .count = blocks[i].count,
                                              .values = values_.empty() ? nullptr : values_.data() + place,
                                              .precise = precise_.empty() ? nullptr : precise_.data() + place});
    }
  });
}

}  // namespace datus
