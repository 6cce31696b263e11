#include "datus/algo/kmeans_rows.hpp"

#include "algo/kmeans_blocks.hpp"
#include "algo/kmeans_float_mode.hpp"
#include "datus/core/error.hpp"
#include "datus/core/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <string>
#include <utility>

namespace datus {

MemoryRows::MemoryRows(std::vector<float> values, int dim, std::int64_t first)
    : values_(std::move(values)), dim_(dim), first_(first), count_(0) {
  if (dim < 1 || values_.size() % static_cast<std::size_t>(dim) != 0) {
    throw UsageError(
        "A matrix of " + std::to_string(values_.size()) + " values has no rows of length " + std::to_string(dim),
        "its size must be rows times a positive length", "Pass the matrix with its own row length.");
  }
  count_ = static_cast<std::int64_t>(values_.size()) / dim;
}

std::span<const float> MemoryRows::block(std::int64_t begin, std::int64_t count, std::vector<float>& /*buffer*/) const {
  return std::span(values_).subspan(static_cast<std::size_t>(begin * dim_), static_cast<std::size_t>(count * dim_));
}

namespace lloyd {
namespace {

/// About 1 MiB: long enough for a reader of files, and several blocks per thread for data that is worth threads.
std::int64_t rows_per_block(int dim) {
  constexpr std::int64_t values_per_block = std::int64_t{1} << 18U;
  return std::max<std::int64_t>(48, values_per_block / dim);
}

}  // namespace

void for_each_row_block(const KMeansRows& rows, int threads,
                        const std::function<void(std::size_t worker, const RowBlock& block)>& body) {
  const std::int64_t count = rows.count();
  const std::int64_t step = rows_per_block(rows.dim());
  const std::int64_t workers = std::min<std::int64_t>(threads, (count + step - 1) / step);
  std::atomic<std::int64_t> next{0};
  parallel_for(workers, static_cast<int>(workers), [&](std::int64_t worker) {
    const IeeeFloatMode ieee;
    std::vector<float> buffer;
    for (std::int64_t begin = step * next++; begin < count; begin = step * next++) {
      const std::int64_t length = std::min(step, count - begin);
      body(static_cast<std::size_t>(worker), {begin, length, rows.block(begin, length, buffer).data()});
    }
  });
}

}  // namespace lloyd
}  // namespace datus
