#include "algo/cuda/kmeans_rows.hpp"

#include <algorithm>
#include <cstring>

namespace datus::lloyd::gpu {
namespace {

/// Long enough for the bus, short enough for two of them in pinned memory.
constexpr std::int64_t staging_bytes = std::int64_t{32} << 20U;

}  // namespace

DeviceRows::DeviceRows(const KMeansRows& rows, int threads, std::int64_t limit)
    : rows_(rows), threads_(threads), pitch_(pitch_of(rows.dim())) {
  const std::int64_t row_bytes = std::int64_t{pitch_} * static_cast<std::int64_t>(sizeof(float));
  const std::int64_t count = rows.count();
  resident_ = count <= limit / row_bytes;
  const std::int64_t piece = std::max<std::int64_t>(1, staging_bytes / row_bytes);
  const auto values_of = [&](std::int64_t of_rows) {
    return cuda::DeviceArray<float>(static_cast<std::size_t>(of_rows * pitch_), "memory for the rows of k-means");
  };
  if (!resident_) {
    slab_rows_ = staging_rows_ = std::clamp<std::int64_t>(limit / row_bytes / 2, 1, piece);
    for (auto& values : values_) values = values_of(slab_rows_);
    make_staging();
    return;
  }
  slab_rows_ = count;
  staging_rows_ = std::min(piece, count);
  values_[0] = values_of(count);
  make_staging();
  std::size_t turn = 0;
  for (std::int64_t begin = 0; begin < count; begin += staging_rows_) {
    send(begin, std::min(staging_rows_, count - begin), turn, values_[0].data() + begin * pitch_);
    turn = 1 - turn;
  }
  copies_.wait();
  staging_ = {};
}

void DeviceRows::make_staging() {
  for (auto& staging : staging_) {
    staging = cuda::PinnedArray<float>(static_cast<std::size_t>(staging_rows_ * pitch_));
    // What lies between the rows stays zero.
    std::ranges::fill(staging.span(), 0.0F);
  }
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
  if (resident_) {
    if (count > 0) body({values_[0].data(), 0, count, dim, pitch_});
    return;
  }
  std::size_t turn = 0;
  for (std::int64_t begin = 0; begin < count; begin += slab_rows_) {
    const std::int64_t rows = std::min(slab_rows_, count - begin);
    used_[turn].hold(copies_);
    send(begin, rows, turn, values_[turn].data());
    sent_[turn].hold(stream);
    body({values_[turn].data(), begin, rows, dim, pitch_});
    used_[turn].record(stream);
    turn = 1 - turn;
  }
}

}  // namespace datus::lloyd::gpu
