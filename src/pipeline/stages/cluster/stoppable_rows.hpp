// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/kmeans_rows.hpp"

#include <functional>
#include <memory>
#include <utility>

namespace datus {

/// Other rows, whose passes ask before each block whether they may go on: a pass over a large matrix takes long.
class StoppableRows final : public KMeansRows {
 public:
  /// `may_go_on` throws where they may not. It is called by several threads.
  StoppableRows(std::unique_ptr<const KMeansRows> rows, std::function<void()> may_go_on)
      : rows_(std::move(rows)), may_go_on_(std::move(may_go_on)) {}

  [[nodiscard]] std::int64_t first() const override { return rows_->first(); }
  [[nodiscard]] std::int64_t count() const override { return rows_->count(); }
  [[nodiscard]] int dim() const override { return rows_->dim(); }
  [[nodiscard]] bool is_precise() const override { return rows_->is_precise(); }
  [[nodiscard]] bool in_memory() const override { return rows_->in_memory(); }
  void visit(std::span<const RowRange> ranges, int threads, const RowBlockBody& body) const override {
    rows_->visit(ranges, threads, [&](std::size_t worker, const RowBlock& block) {
      may_go_on_();
      body(worker, block);
    });
  }

 private:
  std::unique_ptr<const KMeansRows> rows_;
  std::function<void()> may_go_on_;
};

}  // namespace datus
