// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/cuda/pair.hpp"

#include <algorithm>
#include <cmath>

namespace datus::clustering::gpu {
namespace {

std::size_t size_of(std::int64_t count) {
  return static_cast<std::size_t>(count);
}

}  // namespace

DevicePair::DevicePair(const Context& context, const KMeansPair& pair, const cuda::Stream& stream)
    : pair_(pair),
      clusters_(pair.clusters),
      dim_(context.rows.dim()),
      pitch_(pitch_of(dim_)),
      units_{std::ldexp(1.0, context.scales.sum_log2), std::ldexp(1.0, context.scales.inertia_log2)} {
  const std::int64_t values = std::int64_t{clusters_} * pitch_;
  size_ = sums_at() + std::int64_t{clusters_} * dim_;
  labels_ = cuda::DeviceArray<std::int32_t>(size_of(context.rows.count()), "memory for the labels of rows");
  centroids_ = cuda::DeviceArray<float>(size_of(values), "memory for centroids");
  norms_ = cuda::DeviceArray<float>(size_of(clusters_), "memory for norms of centroids");
  means_ = cuda::DeviceArray<float>(size_of(std::int64_t{clusters_} * dim_), "memory for centroids");
  inertia_ = cuda::DeviceArray<double>(size_of(clusters_), "memory for the inertia of clusters");
  numbers_ = cuda::DeviceArray<std::int64_t>(size_of(size_), "memory for the sums of clusters");
  sent_centroids_ = cuda::PinnedArray<float>(size_of(values));
  found_means_ = cuda::PinnedArray<float>(means_.size());
  found_inertia_ = cuda::PinnedArray<double>(inertia_.size());
  found_numbers_ = cuda::PinnedArray<std::int64_t>(size_of(squares_at()));
  // What lies between the centroids stays zero.
  std::ranges::fill(sent_centroids_.span(), 0.0F);
  constexpr int minus_one = 0xFF;
  if (!labels_.empty()) {
    cuda::check(cudaMemsetAsync(labels_.data(), minus_one, labels_.size() * sizeof(std::int32_t), stream.get()),
                "to clear labels");
  }
  cuda::clear(numbers_.data(), numbers_.size(), stream);
}

void DevicePair::start_pass(std::span<const double> centroids, const cuda::Stream& stream) {
  for (std::ptrdiff_t k = 0; k < clusters_; ++k) {
    // f32 holds them: see `make_gpu_engine`.
    std::transform(centroids.data() + k * dim_, centroids.data() + (k + 1) * dim_, sent_centroids_.data() + k * pitch_,
                   [](double value) { return static_cast<float>(value); });
  }
  cuda::copy(centroids_.data(), sent_centroids_.data(), sent_centroids_.size(), stream);
  norms_of_centroids(centroids_.data(), clusters_, dim_, pitch_, norms_.data(), stream);
  cuda::clear(numbers_.data(), size_of(counts_at), stream);
}

PairView DevicePair::view() {
  std::int64_t* const numbers = numbers_.data();
  return {.labels = labels_.data(),
          .clusters = clusters_,
          .moved = numbers,
          .counts = numbers + counts_at,
          .squares = numbers + squares_at(),
          .sums = numbers + sums_at()};
}

void DevicePair::pack(std::int64_t* packed, const cuda::Stream& stream) const {
  cuda::copy(packed, numbers_.data(), size_of(size_), stream);
}

void DevicePair::send_found(std::int64_t* packed, const cuda::Stream& stream) {
  const TotalsView totals{packed + counts_at, packed + squares_at(), packed + sums_at()};
  inertia_of_clusters(totals, centroids_.data(), clusters_, dim_, pitch_, units_, inertia_.data(), stream);
  cuda::copy(found_inertia_.data(), inertia_.data(), inertia_.size(), stream);
  if (iterating()) {
    means_of_clusters(totals, centroids_.data(), clusters_, dim_, pitch_, units_.sum_scale, means_.data(), stream);
    cuda::copy(found_means_.data(), means_.data(), means_.size(), stream);
  }
  cuda::copy(found_numbers_.data(), packed, size_of(squares_at()), stream);
}

Found DevicePair::found(const std::int64_t* packed, const cuda::Stream& stream) const {
  const auto numbers = found_numbers_.span();
  const auto inertia = found_inertia_.span();
  const auto means = found_means_.span();
  Found found;
  found.moved = numbers[0];
  found.counts.assign(numbers.begin() + counts_at, numbers.begin() + squares_at());
  found.inertia.assign(inertia.begin(), inertia.end());
  if (!iterating()) return found;
  found.means.assign(means.begin(), means.end());
  if (found.has_empty()) {
    found.sums.resize(size_of(std::int64_t{clusters_} * dim_));
    cuda::copy(found.sums.data(), packed + sums_at(), found.sums.size(), stream);
    stream.wait();
  }
  return found;
}

std::vector<std::int32_t> DevicePair::labels(const cuda::Stream& stream) const {
  std::vector<std::int32_t> labels(labels_.size());
  cuda::copy(labels.data(), labels_.data(), labels.size(), stream);
  stream.wait();
  return labels;
}

}  // namespace datus::clustering::gpu
