// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/kmeans_rows.hpp"
#include "datus/comm/communicator.hpp"
#include "pipeline/stages/cluster/row_sources.hpp"

#include <cstdint>
#include <memory>
#include <span>

namespace datus {

/// What the memory for streamed rows is used for.
struct StreamPlan {
  /// Rows of one buffer, and the number of buffers.
  std::int64_t buffer_rows = 1;
  std::int64_t buffers = 2;
  /// Leading rows that stay in memory once they were read.
  std::int64_t kept_rows = 0;
};

/// The smallest memory, in bytes, in which rows of length `dim` can be streamed to `threads` threads.
[[nodiscard]] std::int64_t smallest_stream_memory(int dim, int threads, std::int64_t value_bytes) noexcept;

/// Divides `bytes` of memory between buffers and rows that stay: of `rows` rows as many as possible. The plan for the
/// smallest memory takes that much, also where `bytes` is less.
[[nodiscard]] StreamPlan plan_stream(std::int64_t bytes, std::int64_t rows, int dim, int threads,
                                     std::int64_t value_bytes) noexcept;

/// Rows that stay in their files and are read again in every pass, but for the leading ones, which the first pass that
/// reads them leaves in memory.
///
/// While a thread reads ahead, in the order of the ranges and as far as there are buffers, the others compute on what
/// is read already or was in memory. So reading, which the library allows to one thread at a time, overlaps computing.
/// What fits one buffer is read by the caller, without a thread.
///
/// One visit at a time. A visit ends with the first exception of the reader or of the body, which it rethrows; blocks
/// after it are not visited. Later visits are possible. Reading throws `InputError` naming file and dataset.
class StreamedRows final : public KMeansRows {
 public:
  /// The rows `mine` of the matrix, with about `bytes` of memory (see `plan_stream`) for visits by `threads` threads.
  StreamedRows(std::shared_ptr<const RowSources> sources, Share mine, std::int64_t bytes, int threads);
  ~StreamedRows() override;
  StreamedRows(const StreamedRows&) = delete;
  StreamedRows& operator=(const StreamedRows&) = delete;
  StreamedRows(StreamedRows&&) = delete;
  StreamedRows& operator=(StreamedRows&&) = delete;

  [[nodiscard]] std::int64_t first() const override { return mine_.begin; }
  [[nodiscard]] std::int64_t count() const override { return mine_.size(); }
  [[nodiscard]] int dim() const override { return sources_->dim; }
  [[nodiscard]] bool is_precise() const override { return sources_->is_precise; }
  void visit(std::span<const RowRange> ranges, int threads, const RowBlockBody& body) const override;

  [[nodiscard]] const StreamPlan& plan() const noexcept { return plan_; }

 private:
  struct Memory;
  std::shared_ptr<const RowSources> sources_;
  Share mine_;
  StreamPlan plan_;
  /// What visits leave for later ones.
  std::unique_ptr<Memory> memory_;
};

}  // namespace datus
