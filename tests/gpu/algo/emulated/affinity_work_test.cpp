// SPDX-License-Identifier: Apache-2.0
#include "counters.hpp"
#include "datus/algo/gpu_affinity.hpp"
#include "datus/algo/gpu_smoothing.hpp"
#include "datus/core/half.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

// What a chunk of images asks of a card, counted: a copy or a kernel more is to be seen here.

namespace datus::test {
namespace {

constexpr int images = 3;
constexpr int nodes = 70;
constexpr int dim = 20;

template <class Gpu>
cuda_emulation::Counters work_of_chunk_on(Gpu& gpu) {
  std::vector<half> keys(std::size_t{nodes} * dim);
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = to_half(static_cast<float>(i % 7) - 3);
  cuda_emulation::forget_counters();
  for (int i = 0; i < images; ++i) gpu.stage(i, keys);
  gpu.submit(images);
  (void)gpu.take();
  return cuda_emulation::counters();
}

cuda_emulation::Counters work_of_chunk(const AffinityOptions& options, const std::vector<float>& mean = {}) {
  GpuAffinity gpu(0, nodes, dim, images, options);
  gpu.subtract(mean);
  return work_of_chunk_on(gpu);
}

TEST(AffinityWork, OfAChunk) {
  const auto plain = work_of_chunk({});
  // Into panels; products to bits.
  EXPECT_EQ(plain.launches, 2);
  // Keys of each image as float16; which of them are, which patches count.
  EXPECT_EQ(plain.copies_up, images + 2);
  constexpr std::size_t row_bytes = 64;  // of 512 bits
  EXPECT_EQ(plain.bytes_up, images * (std::size_t{nodes} * dim * 2 + 1 + row_bytes));
  EXPECT_EQ(plain.copies_down, 1);
  EXPECT_EQ(plain.bytes_down, images * nodes * row_bytes);
  EXPECT_EQ(plain.drains, 1);

  // Means and lengths are a kernel each.
  const auto both =
      work_of_chunk({.center = AffinityOptions::Center::image, .metric = AffinityOptions::Metric::cosine});
  EXPECT_EQ(both.launches, 4);
  EXPECT_EQ(both.bytes_up, plain.bytes_up);
}

// Keys that lie on the card do not go up.
TEST(AffinityWork, OfAChunkWhoseKeysAreThere) {
  GpuAffinity gpu(0, nodes, dim, images, {});
  const GpuKeys keys(0, {.images = images, .values = std::size_t{nodes} * dim, .halves = true});
  cuda_emulation::forget_counters();
  for (int i = 0; i < images; ++i) gpu.stage(i, keys, static_cast<std::size_t>(i));
  gpu.submit(images);
  (void)gpu.take();
  const auto counted = cuda_emulation::counters();
  EXPECT_EQ(counted.copies_up, 2);
  constexpr std::size_t row_bytes = 64;  // of 512 bits
  EXPECT_EQ(counted.bytes_up, images * (1 + row_bytes));
  EXPECT_EQ(counted.launches, 2);
  EXPECT_EQ(counted.drains, 1);
}

TEST(AffinityWork, OfAChunkWithSoftWeights) {
  const AffinityOptions options{.metric = AffinityOptions::Metric::cosine, .temperature = 0.05};
  const auto plain = work_of_chunk(options);
  // Into panels, to unit length; products to weights.
  EXPECT_EQ(plain.launches, 3);
  EXPECT_EQ(plain.copies_up, images + 2);
  // Rows of 70 weights, filled up to 16 bytes; of each image whether all are numbers.
  EXPECT_EQ(plain.copies_down, 2);
  EXPECT_EQ(plain.bytes_down, images * (nodes * 72 * 2 + 4));
  EXPECT_EQ(plain.drains, 1);
  // The mean of the data set goes up once.
  const auto with_mean = work_of_chunk(options, std::vector<float>(dim, 0.5F));
  EXPECT_EQ(with_mean.launches, plain.launches);
  EXPECT_EQ(with_mean.copies_up, plain.copies_up + 1);
  EXPECT_EQ(with_mean.bytes_up, plain.bytes_up + dim * 4);
}

TEST(AffinityWork, OfAChunkThatIsSmoothed) {
  GpuSmoothing gpu(0, nodes, dim, images, 0.05);
  const auto counted = work_of_chunk_on(gpu);
  // Means, panels, lengths; weights; embeddings to panels, their sums, lengths, rows.
  EXPECT_EQ(counted.launches, 8);
  EXPECT_EQ(counted.copies_up, images + 2);
  constexpr std::size_t row_bytes = 64;  // of 512 bits
  EXPECT_EQ(counted.bytes_up, images * (std::size_t{nodes} * dim * 2 + 1 + row_bytes));
  EXPECT_EQ(counted.copies_down, 1);
  EXPECT_EQ(counted.bytes_down, std::size_t{images} * nodes * dim * 4);
  EXPECT_EQ(counted.drains, 1);
}

}  // namespace
}  // namespace datus::test
