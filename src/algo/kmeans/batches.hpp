// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/kmeans_rows.hpp"

#include <array>
#include <cstdint>
#include <vector>

namespace datus {

/// Rows that stay together when the rows are shuffled. Neighbours are often alike (segments of one image, images of one
/// scene), so that large blocks make batches that differ; single rows would be slow to read from files. Measured on
/// overlapping blobs with rows in the order of their blobs, 50,000 x 64, K = 27: against single rows, blocks of 16 cost
/// 0.6 % of inertia with batches of 256 rows and nothing with 1024 and 2048; blocks of 32 cost 2.6 %, 0.4 % and
/// nothing. It decides the result and must not change.
inline constexpr std::int64_t rows_of_shuffled_block = 16;

/// Which rows make up which batch of mini-batch k-means. In each epoch the blocks of `rows_of_shuffled_block`
/// consecutive global rows (the last one may be shorter) come in a random order of their own; batch b of the epoch is
/// the rows [b * batch_size, (b + 1) * batch_size) of that order. The last batch of an epoch may be shorter, and a
/// batch may end within a block. Nothing is stored, and nothing depends on the ranks.
class KMeansBatches {
 public:
  /// rows >= 1, batch_size >= 1; a batch has no more than all rows.
  KMeansBatches(std::uint64_t seed, std::int64_t rows, std::int64_t batch_size) noexcept;

  /// Batches of one epoch.
  [[nodiscard]] std::int64_t per_epoch() const noexcept { return per_epoch_; }
  /// Number of rows of a batch; batches are counted over all epochs, from 0.
  [[nodiscard]] std::int64_t size(std::int64_t batch) const noexcept;
  /// Its global rows as ranges in ascending order; ranges that touch are one.
  [[nodiscard]] std::vector<RowRange> rows(std::int64_t batch) const;

 private:
  [[nodiscard]] std::int64_t begin_of(std::int64_t batch) const noexcept;

  std::int64_t rows_;
  std::int64_t batch_size_;
  std::int64_t per_epoch_;
  std::array<std::uint32_t, 2> key_;
};

}  // namespace datus
