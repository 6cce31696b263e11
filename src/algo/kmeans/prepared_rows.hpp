// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/aligned_vector.hpp"
#include "datus/algo/kmeans_rows.hpp"

#include <span>
#include <vector>

namespace datus::clustering {

/// Rows as the passes want them: relative to their origin, in f32 for searches, and beside it in f64 where f32 does not
/// hold them.
class PreparedRows final : public KMeansRows {
 public:
  /// `source`, which must outlive this, minus `origin` ([D], or empty: nothing). `is_precise`: as some rank's rows are.
  PreparedRows(const KMeansRows& source, std::vector<double> origin, bool is_precise, int threads);

  [[nodiscard]] std::int64_t first() const override { return source_.first(); }
  [[nodiscard]] std::int64_t count() const override { return source_.count(); }
  [[nodiscard]] int dim() const override { return source_.dim(); }
  [[nodiscard]] bool is_precise() const override { return is_precise_; }
  /// Blocks have f32 values in any case, and f64 ones where rows are precise.
  void visit(std::span<const RowRange> ranges, int threads, const RowBlockBody& body) const override;

 private:
  const KMeansRows& source_;
  std::vector<double> origin_;
  bool is_precise_;
  /// [count, D]: of precise rows in memory that have no origin.
  AlignedVector<float> rounded_;
};

}  // namespace datus::clustering
