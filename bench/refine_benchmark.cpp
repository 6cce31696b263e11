// SPDX-License-Identifier: Apache-2.0
// Soft classes of pixels that are made to follow an image's edges: images of 320 x 320, two threads with an image each,
// by method, number of classes and path.

#include "datus/algo/dense_crf.hpp"
#include "datus/algo/guided_filter.hpp"
#include "datus/core/parallel.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

namespace datus {
namespace {

constexpr int side = 320;

/// Soft shades with edges and a photo's noise.
Image made_image(unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> noise(0.0F, 1.0F);
  Image image(side, side);
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      const bool inside = (x / 40 + y / 60) % 3 == 0;
      for (int c = 0; c < 3; ++c) {
        const float shade = 40.0F * std::sin(0.013F * static_cast<float>(x * (c + 1) + y)) + (inside ? 160.0F : 80.0F);
        image.pixels[static_cast<std::size_t>((y * side + x) * 3 + c)] =
            static_cast<std::uint8_t>(std::clamp(shade + noise(generator), 0.0F, 255.0F));
      }
    }
  }
  return image;
}

/// Logits that favour another class every 32 pixels.
std::vector<float> made_logits(int classes, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> logit(0.0F, 4.0F);
  std::vector<float> logits(std::size_t{side} * side * static_cast<std::size_t>(classes));
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const auto pixel = static_cast<int>(i) / classes;
    const int favoured = (pixel / side / 32 * 10 + pixel % side / 32) % classes;
    logits[i] = logit(generator) + (static_cast<int>(i) % classes == favoured ? 3.0F : 0.0F);
  }
  return logits;
}

constexpr int threads = 2;

/// refine(thread, image, values): one image for each thread.
template <class Refine>
void time_images(benchmark::State& state, int classes, Refine refine) {
  const Image image = made_image(1);
  const std::vector<float> logits = made_logits(classes, 2);
  std::vector<std::vector<float>> values(threads);
  for (auto _ : state) {
    parallel_for(threads, threads, [&](std::int64_t thread) {
      values[thread] = logits;
      refine(thread, image, std::span<float>(values[thread]));
    });
  }
  state.counters["images/s"] = benchmark::Counter(threads, benchmark::Counter::kIsIterationInvariantRate);
}

void register_all() {
  for (const int classes : {11, 27}) {
    const std::string suffix = "/" + std::to_string(classes) + "_classes";
    for (const SimdPath path : supported_simd_paths()) {
      const auto crf = [classes, path](benchmark::State& state) {
        std::vector<DenseCrf> crfs;
        for (int i = 0; i < threads; ++i) crfs.emplace_back(DenseCrfOptions{}, path);
        time_images(state, classes, [&](std::int64_t thread, const Image& image, std::span<float> values) {
          crfs[thread].refine(image, values, classes);
        });
      };
      const std::string name_of_case = "dense_crf" + suffix + "/" + std::string(name(path));
      benchmark::RegisterBenchmark(name_of_case.c_str(), crf)->Unit(benchmark::kMillisecond)->UseRealTime();
    }
    const auto guided = [classes](benchmark::State& state) {
      time_images(state, classes, [classes](std::int64_t, const Image& image, std::span<float> values) {
        guided_filter(image, values, classes);
      });
    };
    benchmark::RegisterBenchmark(("guided_filter" + suffix).c_str(), guided)
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
  }
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
