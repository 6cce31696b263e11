// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/refine/guided_kernels.hpp"
#include "algo/refine/registers.hpp"

#include <cstddef>
#include <cstdint>

// What all paths of the guided filter share, for their files only: see kernel_loops.hpp.

namespace datus::refine_detail {

// From floats to doubles and back the compiler finds the registers itself.
static void weigh(const float* values, const double* colour, double* of_cell) {
  for (int c = 0; c < 3; ++c) {
    for (int k = 0; k < group_size; ++k) of_cell[c * group_size + k] = colour[c] * double{values[k]};
  }
  for (int k = 0; k < group_size; ++k) of_cell[3 * group_size + k] = double{values[k]};
}

static void solve(const double* sums, double share, const double* mean, const double* inverse, float* model) {
  const double r = mean[0];
  const double g = mean[1];
  const double b = mean[2];
  const double rr = inverse[0];
  const double rg = inverse[1];
  const double rb = inverse[2];
  const double gg = inverse[3];
  const double gb = inverse[4];
  const double bb = inverse[5];
  for (int k = 0; k < group_size; ++k) {
    const double of_all = share * sums[3 * group_size + k];
    const double of_red = share * sums[k] - r * of_all;
    const double of_green = share * sums[group_size + k] - g * of_all;
    const double of_blue = share * sums[2 * group_size + k] - b * of_all;
    const double red = rr * of_red + rg * of_green + rb * of_blue;
    const double green = rg * of_red + gg * of_green + gb * of_blue;
    const double blue = rb * of_red + gb * of_green + bb * of_blue;
    model[k] = static_cast<float>(red);
    model[group_size + k] = static_cast<float>(green);
    model[2 * group_size + k] = static_cast<float>(blue);
    model[3 * group_size + k] = static_cast<float>(of_all - (red * r + green * g + blue * b));
  }
}

static void mix(const float* before, const float* after, float share, std::size_t size, float* mixed) {
  for (std::size_t i = 0; i < size; ++i) mixed[i] = before[i] + share * (after[i] - before[i]);
}

/// The sums of `block` places that follow each other, so that what their windows share is read and added up once. Their
/// windows must have a place in common.
template <class Values, int block, class Value>
static void add_block(const Value* const* places, int length, int radius, int at, std::size_t channels,
                      Value* const* sums) {
  constexpr int parts = 2;
  const auto first = [&](int j) { return at + j < radius ? 0 : at + j - radius; };
  const auto end = [&](int j) { return at + j + radius < length ? at + j + radius + 1 : length; };
  const int shared = first(block - 1);
  const int shared_end = end(0);
  for (std::size_t c = 0; c < channels; c += parts * sizeof(Values) / sizeof(Value)) {
    Values common[parts] = {};
    const auto add = [&](Values* sum, int begin, int stop) {
      for (int place = begin; place < stop; ++place) {
        const auto* const value = reinterpret_cast<const Values*>(places[place] + c);
        for (int p = 0; p < parts; ++p) sum[p] += value[p];
      }
    };
    add(common, shared, shared_end);
    for (int j = 0; j < block; ++j) {
      Values sum[parts];
      for (int p = 0; p < parts; ++p) sum[p] = common[p];
      add(sum, first(j), shared);
      add(sum, shared_end, end(j));
      auto* const results = reinterpret_cast<Values*>(sums[at + j] + c);
      for (int p = 0; p < parts; ++p) results[p] = sum[p];
    }
  }
}

template <class Values, class Value>
static void add_windows(const Value* const* places, int length, int radius, int begin, int end, std::size_t channels,
                        Value* const* sums) {
  int at = begin;
  for (; 2 * radius >= window_block - 1 && at + window_block <= end; at += window_block) {
    add_block<Values, window_block>(places, length, radius, at, channels, sums);
  }
  for (; at < end; ++at) add_block<Values, 1>(places, length, radius, at, channels, sums);
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
static GuidedKernel shared_guided_kernel(decltype(GuidedKernel::keep_largest) keep_largest_of_path) {
  return {.weigh = weigh,
          .solve = solve,
          .add_windows = add_windows<typename Registers<width>::Doubles, double>,
          .add_models = add_windows<typename Registers<width>::Floats, float>,
          .mix = mix,
          .apply = apply<width>,
          .keep_largest = keep_largest_of_path};
}

}  // namespace datus::refine_detail
