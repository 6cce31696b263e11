// SPDX-License-Identifier: Apache-2.0
#include "kmeans/machine_limits.hpp"

#include "datus/algo/aligned_vector.hpp"
#include "datus/core/parallel.hpp"
#include "kmeans/limit_kernels.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <span>

namespace datus::bench {
namespace {

using Clock = std::chrono::steady_clock;

/// The most work per second of several calls of `body`, which take `seconds` together.
double best_rate(double work, double seconds, const std::function<void()>& body) {
  constexpr int fewest = 3;
  double best = 0.0;
  const auto begin = Clock::now();
  for (int tries = 0; tries < fewest || std::chrono::duration<double>(Clock::now() - begin).count() < seconds;
       ++tries) {
    const auto start = Clock::now();
    body();
    best = std::max(best, work / std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

/// Takes results, so that they must be computed.
class Sink {
 public:
  void take(float value) { bits_.fetch_xor(value > 0.0F ? 1U : 0U, std::memory_order_relaxed); }

 private:
  std::atomic<unsigned> bits_{0};
};

double memory_read(const LimitKernels& kernels, const LimitSettings& settings) {
  const auto threads = static_cast<std::size_t>(settings.threads);
  const std::size_t per_thread =
      std::max<std::size_t>(1, settings.buffer_bytes / sizeof(float) / threads / sum_unit) * sum_unit;
  AlignedVector<float> buffer(per_thread * threads, 1.0F);
  const auto bytes = static_cast<double>(buffer.size() * sizeof(float));
  Sink sink;
  double best = 0.0;
  for (const int streams : {1, 2, 4}) {
    const std::int64_t count = static_cast<std::int64_t>(per_thread) / streams;
    best =
        std::max(best, best_rate(bytes, settings.seconds / 3, [&] {
                   parallel_for(settings.threads, settings.threads, [&](std::int64_t t) {
                     sink.take(kernels.sum(buffer.data() + static_cast<std::size_t>(t) * per_thread, count, streams));
                   });
                 }));
  }
  return best;
}

double rows_read(const KMeansRows& rows, const LimitKernels& kernels, const LimitSettings& settings) {
  const RowRange all{0, rows.count()};
  const double bytes = static_cast<double>(rows.count()) * rows.dim() * static_cast<double>(sizeof(float));
  Sink sink;
  return best_rate(bytes, settings.seconds, [&] {
    rows.visit(std::span(&all, 1), settings.threads, [&](std::size_t /*worker*/, const RowBlock& block) {
      sink.take(kernels.sum(block.values, block.count * rows.dim() / sum_unit * sum_unit, 1));
    });
  });
}

double multiply_adds(const LimitKernels& kernels, const LimitSettings& settings) {
  const auto steps = static_cast<std::int64_t>(5e7 * settings.seconds);
  const double work = static_cast<double>(steps) * kernels.multiply_adds_per_step * settings.threads;
  Sink sink;
  return best_rate(work, settings.seconds, [&] {
    parallel_for(settings.threads, settings.threads, [&](std::int64_t) { sink.take(kernels.multiply_add(steps)); });
  });
}

}  // namespace

void MachineLimits::take_in(const MachineLimits& other) {
  memory_read = std::max(memory_read, other.memory_read);
  rows_read = std::max(rows_read, other.rows_read);
  multiply_adds = std::max(multiply_adds, other.multiply_adds);
}

MachineLimits measure_limits(const KMeansRows& rows, const LimitSettings& settings) {
  const LimitKernels kernels = limit_kernels_of(settings.path);
  return {memory_read(kernels, settings), rows_read(rows, kernels, settings), multiply_adds(kernels, settings)};
}

}  // namespace datus::bench
