// SPDX-License-Identifier: Apache-2.0
// What a call of `parallel_for` costs: bodies that do nothing, and bodies of some microseconds with a pause between the
// calls, as the passes of k-means have them.

#include "datus/core/parallel.hpp"

#include <chrono>

#include <benchmark/benchmark.h>

namespace datus {
namespace {

void compute_for(std::chrono::nanoseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
  }
}

/// Arguments: threads, microseconds of each index, microseconds of the caller's own work between two calls.
void calls(benchmark::State& state) {
  const auto threads = static_cast<int>(state.range(0));
  const std::chrono::microseconds body(state.range(1));
  const std::chrono::microseconds pause(state.range(2));
  for (auto _ : state) {
    parallel_for(threads, threads, [&](std::int64_t) { compute_for(body); });
    compute_for(pause);
  }
}
BENCHMARK(calls)
    ->ArgNames({"threads", "body_us", "pause_us"})
    ->ArgsProduct({{2, 4, 16}, {0, 100}, {0, 50}})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace datus

BENCHMARK_MAIN();
