// SPDX-License-Identifier: Apache-2.0
// Keys -> edges -> communities -> segments, for every path that this CPU has, on one core.

#include "datus/algo/affinity.hpp"
#include "datus/algo/louvain.hpp"
#include "datus/algo/segments.hpp"
#include "datus/core/half.hpp"
#include "support/golden.hpp"

#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

namespace datus {
namespace {

/// ViT-S/8 at 224: 28 x 28 patches, 384 dimensions.
void time_affinity(benchmark::State& state, SimdPath path) {
  constexpr int nodes = 784;
  constexpr int dim = 384;
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  std::vector<float> keys(std::size_t{nodes} * dim);
  for (float& value : keys) value = normal(generator);
  for (auto _ : state) benchmark::DoNotOptimize(build_bit_graph(keys, nodes, dim, {}, {}, path));
  // Of the full product, of which half is computed.
  state.counters["full_gemm_flops"] =
      benchmark::Counter(2.0 * nodes * nodes * dim, benchmark::Counter::kIsIterationInvariantRate);
}

BitGraph golden_graph(const std::string& name) {
  const auto tensors = test::read_golden("golden/louvain/" + name + ".safetensors");
  const auto& tensor = tensors.at("keys");
  const auto stored = tensor.as<half>();
  std::vector<float> keys(stored.size());
  to_float(stored, keys);
  return build_bit_graph(keys, static_cast<int>(tensor.shape[0]), static_cast<int>(tensor.shape[1]));
}

void time_louvain(benchmark::State& state, const std::string& name, SimdPath path) {
  const BitGraph graph = golden_graph(name);
  for (auto _ : state) benchmark::DoNotOptimize(louvain(graph, {}, path));
}

void time_segments(benchmark::State& state) {
  const std::vector<std::int32_t> labels = louvain(golden_graph("regions4")).labels;
  for (auto _ : state) benchmark::DoNotOptimize(find_segments(labels, {28, 28}, 5));
}

void register_all() {
  for (const SimdPath path : supported_simd_paths()) {
    const std::string suffix = "/" + std::string(name(path));
    benchmark::RegisterBenchmark(("affinity_784x384" + suffix).c_str(), [path](benchmark::State& state) {
      time_affinity(state, path);
    })->Unit(benchmark::kMillisecond);
    for (const std::string graph : {"regions4", "regions3_dense", "large60"}) {
      benchmark::RegisterBenchmark(("louvain_" + graph + suffix).c_str(), [graph, path](benchmark::State& state) {
        time_louvain(state, graph, path);
      })->Unit(benchmark::kMillisecond);
    }
  }
  benchmark::RegisterBenchmark("segments_784", time_segments)->Unit(benchmark::kMillisecond);
}

}  // namespace
}  // namespace datus

int main(int argc, char** argv) {
  datus::register_all();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
