#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace datus {

/// The rows of an n x D matrix that one rank holds for k-means: a contiguous range of the global rows. Ranges of
/// different ranks do not overlap and leave nothing out; any of them may be empty. Where the rows are (memory, shards
/// on disk) and what they were (f16, f32, f64) is the business of the derived class; k-means sees f32.
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
  /// Local rows [begin, begin + count) as f32 [count, D], row-major: a view of memory that stays valid, or of `buffer`
  /// after filling it. Called by several threads at a time, each with a buffer of its own, and many times for the same
  /// rows: it must always give the same values.
  [[nodiscard]] virtual std::span<const float> block(std::int64_t begin, std::int64_t count,
                                                     std::vector<float>& buffer) const = 0;
};

/// Rows in memory.
class MemoryRows final : public KMeansRows {
 public:
  /// Takes f32 [n, D], the global rows from `first` on. Throws `UsageError` unless dim >= 1 divides their number.
  MemoryRows(std::vector<float> values, int dim, std::int64_t first = 0);

  [[nodiscard]] std::int64_t first() const override { return first_; }
  [[nodiscard]] std::int64_t count() const override { return count_; }
  [[nodiscard]] int dim() const override { return dim_; }
  [[nodiscard]] std::span<const float> block(std::int64_t begin, std::int64_t count,
                                             std::vector<float>& buffer) const override;

 private:
  std::vector<float> values_;
  int dim_;
  std::int64_t first_;
  std::int64_t count_;
};

}  // namespace datus
