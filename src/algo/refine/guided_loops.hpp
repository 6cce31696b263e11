// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/refine/guided_kernels.hpp"
#include "algo/refine/registers.hpp"

#include <cstddef>
#include <cstdint>

// What all paths of the guided filter share, for their files only: see kernel_loops.hpp.

namespace datus::refine_detail {

// From floats to doubles and back the compiler finds the registers itself.
static void add_pixels(const float* values, std::int64_t pixels, double* sums) {
  double sum[group_size];
  for (int k = 0; k < group_size; ++k) sum[k] = sums[k];
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel, values += group_size) {
    for (int k = 0; k < group_size; ++k) sum[k] += double{values[k]};
  }
  for (int k = 0; k < group_size; ++k) sums[k] = sum[k];
}

static void mix(const double* before, const double* after, double share, std::size_t size, float* mixed) {
  for (std::size_t i = 0; i < size; ++i) mixed[i] = static_cast<float>(before[i] + share * (after[i] - before[i]));
}

template <int width>
static void add_windows(const double* values, int length, int radius, std::size_t stride, std::size_t channels,
                        double* sums) {
  using Doubles = typename Registers<width>::Doubles;
  constexpr int parts = 2 * group_size / width;
  for (int at = 0; at < length; ++at) {
    const int first = at < radius ? 0 : at - radius;
    const int last = at + radius < length ? at + radius : length - 1;
    for (std::size_t c = 0; c < channels; c += group_size) {
      Doubles sum[parts] = {};
      for (int other = first; other <= last; ++other) {
        const auto* const value =
            reinterpret_cast<const Doubles*>(values + static_cast<std::size_t>(other) * stride + c);
        for (int p = 0; p < parts; ++p) sum[p] += value[p];
      }
      auto* const results = reinterpret_cast<Doubles*>(sums + static_cast<std::size_t>(at) * stride + c);
      for (int p = 0; p < parts; ++p) results[p] = sum[p];
    }
  }
}

template <int width>
static void apply(const float* models, const Between* between, const std::uint8_t* colours, std::int64_t pixels,
                  float* values) {
  using Floats = typename Registers<width>::Floats;
  constexpr int parts = group_size / width;
  const auto* const all = reinterpret_cast<const Floats*>(models);
  auto* result = reinterpret_cast<Floats*>(values);
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel, colours += 3, result += parts) {
    const Floats* const before = all + std::int64_t{between[pixel].before} * model_terms * parts;
    const Floats* const after = all + std::int64_t{between[pixel].after} * model_terms * parts;
    const float r = static_cast<float>(colours[0]) / 255.0F;
    const float g = static_cast<float>(colours[1]) / 255.0F;
    const float b = static_cast<float>(colours[2]) / 255.0F;
    for (int p = 0; p < parts; ++p) {
      const auto of_model = [&](const Floats* model) {
        return model[p] * r + model[parts + p] * g + model[2 * parts + p] * b + model[3 * parts + p];
      };
      const Floats left = of_model(before);
      result[p] = left + between[pixel].share * (of_model(after) - left);
    }
  }
}

template <int width>
static GuidedKernel shared_guided_kernel() {
  return {.add_pixels = add_pixels, .add_windows = add_windows<width>, .mix = mix, .apply = apply<width>};
}

}  // namespace datus::refine_detail
