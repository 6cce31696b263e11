// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/cuda/rows.hpp"

#include <algorithm>
#include <cstring>

namespace datus::clustering::gpu {
namespace {

/// Of a piece: long enough for the bus, short enough for two of them in pinned memory.
constexpr std::int64_t most_piece_bytes = std::int64_t{32} << 20U;

}  // namespace

DeviceRows::DeviceRows(const KMeansRows& rows, int threads, std::int64_t limit)
    : rows_(rows), threads_(threads), pitch_(pitch_of(rows.dim())) {
  const std::int64_t row_bytes = std::int64_t{pitch_} * static_cast<std::int64_t>(sizeof(float));
  const std::int64_t count = rows.count();
  const std::int64_t fitting = limit / row_bytes;
  const std::int64_t most = std::max<std::int64_t>(1, most_piece_bytes / row_bytes);
  const auto values_of = [&](std::int64_t of_rows) {
    return cuda::DeviceArray<float>(static_cast<std::size_t>(of_rows * pitch_), "memory for the rows of k-means");
  };
  if (count <= fitting) {
    resident_rows_ = count;
  } else {
    piece_rows_ = std::clamp<std::int64_t>(fitting / 2, 1, most);
    for (auto& piece : pieces_) piece = values_of(piece_rows_);
    resident_rows_ = std::max<std::int64_t>(0, fitting - 2 * piece_rows_);
  }
  resident_ = values_of(resident_rows_);
  for (auto& staging : staging_) {
    staging = cuda::PinnedArray<float>(static_cast<std::size_t>(std::min(most, count) * pitch_));
    // What lies between the rows stays zero.
    std::ranges::fill(staging.span(), 0.0F);
  }
  bring_resident_rows();
  if (piece_rows_ == 0) staging_ = {};
}

void DeviceRows::bring_resident_rows() {
  const std::int64_t piece = std::ssize(staging_[0].span()) / pitch_;
  std::size_t turn = 0;
  for (std::int64_t begin = 0; begin < resident_rows_; begin += piece) {
    send(begin, std::min(piece, resident_rows_ - begin), turn, resident_.data() + begin * pitch_);
    turn = 1 - turn;
  }
  copies_.wait();
}

void DeviceRows::send(std::int64_t begin, std::int64_t count, std::size_t turn, float* to) {
  float* const staging = staging_[turn].data();
  sent_[turn].wait();
  const RowRange range{begin, count};
  rows_.visit(std::span(&range, 1), threads_, [&](std::size_t, const RowBlock& block) {
    const std::int64_t dim = rows_.dim();
    for (std::int64_t i = 0; i < block.count; ++i) {
      std::memcpy(staging + (block.first + i - begin) * pitch_, block.values + i * dim,
                  static_cast<std::size_t>(dim) * sizeof(float));
    }
  });
  cuda::copy(to, staging, static_cast<std::size_t>(count * pitch_), copies_);
  sent_[turn].record(copies_);
}

void DeviceRows::for_each_slab(const cuda::Stream& stream, const std::function<void(const Slab&)>& body) {
  const int dim = rows_.dim();
  const std::int64_t count = rows_.count();
  if (resident_rows_ > 0) body({resident_.data(), 0, resident_rows_, dim, pitch_});
  std::size_t turn = 0;
  for (std::int64_t begin = resident_rows_; begin < count; begin += piece_rows_) {
    const std::int64_t rows = std::min(piece_rows_, count - begin);
    used_[turn].hold(copies_);
    send(begin, rows, turn, pieces_[turn].data());
    sent_[turn].hold(stream);
    body({pieces_[turn].data(), begin, rows, dim, pitch_});
    used_[turn].record(stream);
    turn = 1 - turn;
  }
}

}  // namespace datus::clustering::gpu
