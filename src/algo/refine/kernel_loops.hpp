// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/refine/kernels.hpp"
#include "algo/refine/registers.hpp"

#include <cstdint>

// What all paths of the kernel share, for their files only, by the floats that a register has. All functions are
// static: each file must have its own copy, compiled for its own instruction set.

namespace datus::refine_detail {

template <int width, int corner_count>
static void spread_from(const float* values, const Corners& corners, float* points) {
  using Floats = typename Registers<width>::Floats;
  constexpr int parts = group_size / width;
  const auto* value = reinterpret_cast<const Floats*>(values);
  auto* const all = reinterpret_cast<Floats*>(points);
  const std::int32_t* numbers = corners.points;
  const float* weights = corners.weights;
  for (std::int64_t pixel = 0; pixel < corners.pixels; ++pixel) {
    for (int c = 0; c < corner_count; ++c) {
      __builtin_prefetch(all + std::int64_t{numbers[c + look_ahead]} * parts, 1);
      Floats* const point = all + std::int64_t{numbers[c]} * parts;
      for (int p = 0; p < parts; ++p) point[p] += weights[c] * value[p];
    }
    numbers += corner_count;
    weights += corner_count;
    value += parts;
  }
}

template <int width>
static void spread(const float* values, const Corners& corners, float* points) {
  if (corners.corners == 3) spread_from<width, 3>(values, corners, points);
  if (corners.corners == 6) spread_from<width, 6>(values, corners, points);
}

template <int width>
static void blur(const std::int32_t* rows, std::int64_t count, float* points) {
  using Floats = typename Registers<width>::Floats;
  constexpr int parts = group_size / width;
  auto* const all = reinterpret_cast<Floats*>(points);
  const auto number = [](std::int32_t entry) { return std::int64_t{entry < 0 ? ~entry : entry}; };
  Floats before[parts] = {};
  float half_of_before = 0.0F;
  for (std::int64_t at = 0; at < count; ++at) {
    if (at + look_ahead < count) __builtin_prefetch(all + number(rows[at + look_ahead]) * parts, 1);
    // No branches: where rows end is hard to foresee.
    const bool ends = rows[at] < 0;
    const float half_of_after = ends ? 0.0F : 0.5F;
    const Floats* const after = all + number(rows[at + (ends ? 0 : 1)]) * parts;
    Floats* const point = all + number(rows[at]) * parts;
    for (int p = 0; p < parts; ++p) {
      const Floats here = point[p];
      point[p] = here + (half_of_before * before[p] + half_of_after * after[p]);
      before[p] = here;
    }
    half_of_before = half_of_after;
  }
}

template <int width>
static void blur_run(const float* points, const float* all, const std::int32_t* before, const std::int32_t* after,
                     std::int64_t count, float* results) {
  using Floats = typename Registers<width>::Floats;
  constexpr int parts = group_size / width;
  const auto* point = reinterpret_cast<const Floats*>(points);
  const auto* const of_all = reinterpret_cast<const Floats*>(all);
  auto* result = reinterpret_cast<Floats*>(results);
  for (std::int64_t i = 0; i < count; ++i, point += parts, result += parts) {
    const Floats* const left = of_all + std::int64_t{before[i]} * parts;
    const Floats* const right = of_all + std::int64_t{after[i]} * parts;
    for (int p = 0; p < parts; ++p) result[p] = point[p] + 0.5F * (left[p] + right[p]);
  }
}

template <int width, int corner_count>
static void gather_to(const float* points, const Corners& corners, float factor, const float* base, float* values) {
  using Floats = typename Registers<width>::Floats;
  constexpr int parts = group_size / width;
  const auto* const all = reinterpret_cast<const Floats*>(points);
  const auto* from = reinterpret_cast<const Floats*>(base);
  auto* to = reinterpret_cast<Floats*>(values);
  const std::int32_t* numbers = corners.points;
  const float* weights = corners.weights;
  for (std::int64_t pixel = 0; pixel < corners.pixels; ++pixel) {
    Floats sum[parts] = {};
    for (int c = 0; c < corner_count; ++c) {
      __builtin_prefetch(all + std::int64_t{numbers[c + look_ahead]} * parts);
      const Floats* const point = all + std::int64_t{numbers[c]} * parts;
      for (int p = 0; p < parts; ++p) sum[p] += weights[c] * point[p];
    }
    for (int p = 0; p < parts; ++p) to[p] = from[p] + factor * sum[p];
    numbers += corner_count;
    weights += corner_count;
    from += parts;
    to += parts;
  }
}

template <int width>
static void gather(const float* points, const Corners& corners, float factor, const float* base, float* values) {
  if (corners.corners == 3) gather_to<width, 3>(points, corners, factor, base, values);
  if (corners.corners == 6) gather_to<width, 6>(points, corners, factor, base, values);
}

/// exp(value) for values up to 0, within 2 units in the last place; 0 where the result would be below the normal
/// numbers.
template <int width>
static typename Registers<width>::Floats exponential(typename Registers<width>::Floats value) {
  using Floats = typename Registers<width>::Floats;
  using Integers = typename Registers<width>::Integers;
  const Floats smallest = Floats{} - 87.0F;
  const Integers vanishes = value < smallest;
  const Floats limited = vanishes ? smallest : value;
  // exp(x) = 2^n exp(r): adding 1.5 * 2^23 rounds to an integer, which then is in the low bits. ln 2 in two parts.
  const Floats shifted = limited * 1.44269504F + 12'582'912.0F;
  const Floats n = shifted - 12'582'912.0F;
  const Floats r = (limited - n * 0.693359375F) + n * 2.12194440e-4F;
  // The series of exp, |r| < 0.35.
  Floats series = Floats{} + 1.0F / 5040.0F;
  series = series * r + 1.0F / 720.0F;
  series = series * r + 1.0F / 120.0F;
  series = series * r + 1.0F / 24.0F;
  series = series * r + 1.0F / 6.0F;
  series = series * r + 0.5F;
  series = series * r + 1.0F;
  series = series * r + 1.0F;
  const Integers power = ((Integers)shifted + (127 - 0x4B400000)) << 23;
  return vanishes ? Floats{} : series * (Floats)power;
}

/// What `combine` makes of all lanes of a group, in the order of a tree, in each lane: lanes 8 apart first, neighbours
/// last. Changes `parts`.
template <int width, class Combine>
static typename Registers<width>::Floats combined(typename Registers<width>::Floats* parts, Combine combine) {
  for (int half = group_size / width / 2; half > 0; half /= 2) {
    for (int p = 0; p < half; ++p) parts[p] = combine(parts[p], parts[p + half]);
  }
  constexpr auto lanes = Registers<width>::lanes;
  auto value = parts[0];
  if constexpr (width > 8) value = combine(value, __builtin_shuffle(value, lanes ^ 8));
  if constexpr (width > 4) value = combine(value, __builtin_shuffle(value, lanes ^ 4));
  value = combine(value, __builtin_shuffle(value, lanes ^ 2));
  return combine(value, __builtin_shuffle(value, lanes ^ 1));
}

template <int width>
static void softmax(const float* scores, std::int64_t stride, std::int64_t pixels, int groups, float* probabilities) {
  using Floats = typename Registers<width>::Floats;
  constexpr int parts = group_size / width;
  const auto larger = [](Floats a, Floats b) { return a > b ? a : b; };
  const auto sum_of = [](Floats a, Floats b) { return a + b; };
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
    const auto* const from = reinterpret_cast<const Floats*>(scores + pixel * group_size);
    auto* const to = reinterpret_cast<Floats*>(probabilities + pixel * group_size);
    Floats largest_of[parts];
    for (int p = 0; p < parts; ++p) largest_of[p] = from[p];
    for (int group = 1; group < groups; ++group) {
      for (int p = 0; p < parts; ++p) largest_of[p] = larger(largest_of[p], from[group * stride * parts + p]);
    }
    const Floats largest = combined<width>(largest_of, larger);
    Floats sums[parts] = {};
    for (int group = 0; group < groups; ++group) {
      for (int p = 0; p < parts; ++p) {
        const Floats value = exponential<width>(from[group * stride * parts + p] - largest);
        to[group * stride * parts + p] = value;
        sums[p] += value;
      }
    }
    const Floats factor = 1.0F / combined<width>(sums, sum_of);
    for (int group = 0; group < groups; ++group) {
      for (int p = 0; p < parts; ++p) to[group * stride * parts + p] *= factor;
    }
  }
}

template <int width>
static Kernel shared_kernel() {
  return {.spread = spread<width>,
          .blur = blur<width>,
          .blur_run = blur_run<width>,
          .gather = gather<width>,
          .softmax = softmax<width>};
}

}  // namespace datus::refine_detail
