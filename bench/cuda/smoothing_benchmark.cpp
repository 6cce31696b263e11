// SPDX-License-Identifier: Apache-2.0
// Embeddings -> smoothed embeddings on a GPU: the kernels by the clock of the GPU, the whole way from embeddings in
// memory to smoothed ones in memory, and one thread of the CPU, whose bits they must have. Exit code 77 where there is
// no card.

#include "algo/affinity/cuda/smoothing.hpp"
#include "algo/affinity/cuda/staged_keys.hpp"
#include "algo/affinity/product.hpp"
#include "cuda/requests.hpp"
#include "cuda/timing.hpp"
#include "datus/algo/gpu_smoothing.hpp"
#include "datus/algo/smoothing.hpp"
#include "datus/core/cuda/memory.hpp"
#include "datus/core/error.hpp"
#include "datus/core/half.hpp"
#include "datus/core/parallel.hpp"
#include "program.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <random>
#include <span>
#include <vector>

namespace datus::bench {
namespace {

struct Case {
  int nodes;
  int dim;
  int images;
  const char* model;

  [[nodiscard]] std::size_t values() const { return static_cast<std::size_t>(nodes) * static_cast<std::size_t>(dim); }
};

constexpr Case cases[] = {{784, 384, 32, "S/8 at 224"}, {1024, 384, 32, "S/14 at 448"}, {1024, 768, 32, "B/14 at 448"}};
constexpr double temperature = 0.05;

double microseconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count();
}

/// One image around a few directions, as f16 has it: of all cosines there are some.
std::vector<half> grouped_embeddings(const Case& size) {
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  std::vector<float> directions(8 * static_cast<std::size_t>(size.dim));
  for (float& value : directions) value = normal(generator);
  std::vector<half> values(size.values());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto width = static_cast<std::size_t>(size.dim);
    values[i] = to_half(directions[i / width % 8 * width + i % width] + 0.5F * normal(generator));
  }
  return values;
}

/// The kernels alone, microseconds for an image.
double kernels_of(const Case& size, std::span<const half> embeddings, int rounds) {
  const affinity::SmoothingShape shape{affinity::checked_shape(size.nodes, size.dim, size.images)};
  const auto images = static_cast<std::size_t>(size.images);
  affinity::StagedKeys keys(shape.keys, images, "embeddings");
  cuda::DeviceArray<float> mean(images * static_cast<std::size_t>(size.dim));
  cuda::DeviceArray<float> packed(images * shape.keys.packed_values());
  cuda::DeviceArray<float> weights(images * shape.weight_values());
  cuda::DeviceArray<float> panels(images * shape.embedding_values());
  cuda::DeviceArray<float> smooth(images * shape.keys.key_values());
  const cuda::Stream stream;
  for (std::size_t image = 0; image < images; ++image) keys.stage(image, embeddings, {});
  keys.send(images, stream);
  affinity::SmoothingOnGpu chunk{
      .keys = keys.chunk(images), .weights = weights.data(), .embeddings = panels.data(), .smooth = smooth.data()};
  chunk.keys.mean = mean.data();
  chunk.keys.packed = packed.data();
  StreamTimer timer;
  std::vector<double> times;
  constexpr int warm_up = 3;
  for (int round = 0; round < warm_up + rounds; ++round) {
    const double time = timer.milliseconds(stream, [&] {
      affinity::smooth_chunk(shape, affinity::smoothing_options(), static_cast<float>(1.0 / temperature), chunk,
                             stream);
    });
    if (round >= warm_up) times.push_back(time);
  }
  return median(times) * 1e3 / size.images;
}

/// Embeddings in memory to smoothed ones in memory, microseconds for an image; the first are compared with the CPU's.
double whole_way(const Case& size, std::span<const half> embeddings, std::span<const float> expected, int rounds,
                 int threads) {
  GpuSmoothing gpu(0, size.nodes, size.dim, size.images, temperature);
  const auto submit = [&] {
    parallel_for(size.images, threads, [&](std::int64_t i) { gpu.stage(static_cast<int>(i), embeddings); });
    gpu.submit(size.images);
  };
  submit();
  gpu.take();
  for (int i = 0; i < size.images; ++i) {
    if (std::memcmp(gpu.smoothed(i).data(), expected.data(), expected.size_bytes()) == 0) continue;
    throw SystemError("The GPU smoothed to other bits than the CPU", size.model, "Test the card.");
  }
  const auto begin = std::chrono::steady_clock::now();
  submit();
  for (int round = 0; round < rounds; ++round) {
    if (round + 1 < rounds) submit();
    gpu.take();
  }
  return microseconds_since(begin) / (static_cast<double>(rounds) * size.images);
}

void measure(const Case& size, int rounds, int threads, bool json) {
  const std::vector<half> embeddings = grouped_embeddings(size);
  std::vector<float> widened(embeddings.size());
  to_float(embeddings, widened);
  std::vector<float> expected;
  std::vector<double> of_the_cpu;
  for (int round = 0; round < 5; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    expected = smooth_embeddings(widened, size.nodes, size.dim, temperature);
    of_the_cpu.push_back(microseconds_since(begin));
  }
  const double kernels = kernels_of(size, embeddings, rounds);
  const double whole = whole_way(size, embeddings, expected, rounds, threads);
  const double cpu = median(of_the_cpu);
  if (json) {
    print_line({{"model", size.model},
                {"nodes", size.nodes},
                {"dim", size.dim},
                {"smoothing_us", kernels},
                {"smoothing_whole_way_us", whole},
                {"smoothing_cpu_us", cpu}});
    return;
  }
  std::printf("%-12s %5d x %4d  kernels %8.2f us  whole way %8.2f us  one thread of the CPU %8.0f us\n", size.model,
              size.nodes, size.dim, kernels, whole, cpu);
}

int run(int argc, char** argv) {
  return measure_cases("bench_gpu_smoothing", "Smoothing of embeddings on a GPU. Times are medians, per image.", argc,
                       argv, cases, measure);
}

}  // namespace
}  // namespace datus::bench

int main(int argc, char** argv) {
  return datus::bench::exit_code_of("bench_gpu_smoothing", &datus::bench::run, argc, argv);
}
