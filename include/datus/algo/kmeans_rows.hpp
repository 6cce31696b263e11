// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/aligned_vector.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace datus {

/// Consecutive local rows [begin, begin + count).
struct RowRange {
  std::int64_t begin = 0;
  std::int64_t count = 0;
};

/// Consecutive local rows [count, D], row-major.
struct RowBlock {
  std::int64_t first = 0;
  std::int64_t count = 0;
  /// f32; null in a block of rows that are precise, see `KMeansRows::is_precise`.
  const float* values = nullptr;
  /// f64; null where f32 holds the rows.
  const double* precise = nullptr;
};

using RowBlockBody = std::function<void(std::size_t worker, const RowBlock& block)>;

/// The rows of an n x D matrix that one rank holds for k-means: a contiguous range of the global rows. Ranges of
/// different ranks do not overlap and leave nothing out; any of them may be empty. Where the rows are (memory, shards
/// on disk) and what they were (f16, f32, f64) is the business of the derived class; k-means sees f32 or f64.
class KMeansRows {
 public:
  KMeansRows() = default;
  KMeansRows(const KMeansRows&) = delete;
  KMeansRows& operator=(const KMeansRows&) = delete;
  KMeansRows(KMeansRows&&) = delete;
  KMeansRows& operator=(KMeansRows&&) = delete;
  virtual ~KMeansRows() = default;

  /// Global index of the first local row; without meaning when count() is 0.
  [[nodiscard]] virtual std::int64_t first() const = 0;
  /// Number of local rows.
  [[nodiscard]] virtual std::int64_t count() const = 0;
  /// D, the same on all ranks, also on one without rows.
  [[nodiscard]] virtual int dim() const = 0;
  /// Whether blocks hold f64 values; f32 otherwise.
  [[nodiscard]] virtual bool is_precise() const { return false; }
  /// Whether all rows are in memory: then k-means keeps an f32 copy of rows that are precise, for its fast passes.
  [[nodiscard]] virtual bool in_memory() const { return false; }
  /// Calls body(worker, block) for blocks that together hold the rows of `ranges` (none twice), each block consecutive
  /// rows of one range, on up to `threads` threads. worker is in [0, threads); calls with the same worker follow each
  /// other, so that each can have sums of its own. Which worker gets which block, and how long blocks are, must not
  /// show in the caller's result. A block's values are valid during its call only. Passes give the same values every
  /// time. Rethrows what `body` or reading threw.
  virtual void visit(std::span<const RowRange> ranges, int threads, const RowBlockBody& body) const = 0;
};

/// Cuts ranges into blocks of at most `rows` rows, in order. Empty ranges vanish.
[[nodiscard]] std::vector<RowRange> cut_ranges(std::span<const RowRange> ranges, std::int64_t rows);

/// Rows of a block for rows of length `dim`: about 1 MiB, long enough for a reader of files, and several blocks per
/// thread for data that is worth threads.
[[nodiscard]] std::int64_t rows_per_block(int dim) noexcept;

/// Rows in memory.
class MemoryRows final : public KMeansRows {
 public:
  /// Takes f32 [n, D], the global rows from `first` on. Throws `UsageError` unless dim >= 1 divides their number.
  MemoryRows(AlignedVector<float> values, int dim, std::int64_t first = 0);
  /// The same with rows that are precise.
  MemoryRows(AlignedVector<double> values, int dim, std::int64_t first = 0);
  /// The same with a copy of the values.
  MemoryRows(const std::vector<float>& values, int dim, std::int64_t first = 0);

  [[nodiscard]] std::int64_t first() const override { return first_; }
  [[nodiscard]] std::int64_t count() const override { return count_; }
  [[nodiscard]] int dim() const override { return dim_; }
  [[nodiscard]] bool is_precise() const override { return !precise_.empty(); }
  [[nodiscard]] bool in_memory() const override { return true; }
  void visit(std::span<const RowRange> ranges, int threads, const RowBlockBody& body) const override;

 private:
  MemoryRows(AlignedVector<float> values, AlignedVector<double> precise, int dim, std::int64_t first);

  /// One of the two is empty.
  AlignedVector<float> values_;
  AlignedVector<double> precise_;
  int dim_;
  std::int64_t first_;
  std::int64_t count_;
};

}  // namespace datus
