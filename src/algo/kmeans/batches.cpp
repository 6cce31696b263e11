// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/batches.hpp"

#include "algo/kmeans/keyed_permutation.hpp"
#include "algo/kmeans/random.hpp"

#include <algorithm>
#include <utility>

namespace datus {
namespace {

constexpr std::int64_t block_rows = rows_of_shuffled_block;

/// The blocks of one epoch in their order: where in the order a row stands.
class ShuffledBlocks {
 public:
  ShuffledBlocks(std::int64_t rows, const std::array<std::uint32_t, 2>& key, std::uint32_t epoch)
      : blocks_((rows + block_rows - 1) / block_rows),
        missing_(blocks_ * block_rows - rows),
        order_(blocks_, key, epoch),
        short_position_(order_.position_of(blocks_ - 1)) {}

  /// The global rows from place `begin` of the order on: to the end of their block, or to place `end`.
  [[nodiscard]] RowRange rows_from(std::int64_t begin, std::int64_t end) const {
    const std::int64_t position = position_of_place(begin);
    const std::int64_t block = order_.at(position);
    const std::int64_t offset = begin - first_place(position);
    const std::int64_t length = block == blocks_ - 1 ? block_rows - missing_ : block_rows;
    return {block * block_rows + offset, std::min(length - offset, end - begin)};
  }

 private:
  /// Behind the short block all places come earlier by the rows that it lacks.
  [[nodiscard]] std::int64_t first_place(std::int64_t position) const {
    return position * block_rows - (position > short_position_ ? missing_ : 0);
  }
  [[nodiscard]] std::int64_t position_of_place(std::int64_t place) const {
    return (place < first_place(short_position_ + 1) ? place : place + missing_) / block_rows;
  }

  std::int64_t blocks_;
  /// Rows that the last block lacks.
  std::int64_t missing_;
  KeyedPermutation order_;
  /// Where the last block comes.
  std::int64_t short_position_;
};

/// In ascending order, ranges that touch made one: fewer and longer reads.
std::vector<RowRange> join_ranges(std::vector<RowRange> ranges) {
  std::ranges::sort(ranges, {}, &RowRange::begin);
  std::vector<RowRange> joined;
  for (const RowRange& range : ranges) {
    if (!joined.empty() && joined.back().begin + joined.back().count == range.begin) {
      joined.back().count += range.count;
    } else {
      joined.push_back(range);
    }
  }
  return joined;
}

}  // namespace

KMeansBatches::KMeansBatches(std::uint64_t seed, std::int64_t rows, std::int64_t batch_size) noexcept
    : rows_(rows),
      batch_size_(std::min(batch_size, rows)),
      per_epoch_((rows + batch_size_ - 1) / batch_size_),
      key_(kmeans_key(KMeansPurpose::mini_batch, seed, 0, 0)) {}

std::int64_t KMeansBatches::begin_of(std::int64_t batch) const noexcept {
  return batch % per_epoch_ * batch_size_;
}

std::int64_t KMeansBatches::size(std::int64_t batch) const noexcept {
  return std::min(batch_size_, rows_ - begin_of(batch));
}

std::vector<RowRange> KMeansBatches::rows(std::int64_t batch) const {
  const ShuffledBlocks order(rows_, key_, static_cast<std::uint32_t>(batch / per_epoch_));
  const std::int64_t end = begin_of(batch) + size(batch);
  std::vector<RowRange> ranges;
  for (std::int64_t place = begin_of(batch); place < end; place += ranges.back().count) {
    ranges.push_back(order.rows_from(place, end));
  }
  return join_ranges(std::move(ranges));
}

}  // namespace datus
