#pragma once

#include "algo/refine/kernels.hpp"

#include <cstdint>

// What all paths of the kernel share, for their files only. All functions are static: each file must have its own copy,
// compiled for its own instruction set.

namespace datus::refine_detail {

/// A group of classes, in as many registers as the instruction set needs for it.
using Lanes = float __attribute__((vector_size(sizeof(float) * group_size)));
using Integers = std::int32_t __attribute__((vector_size(sizeof(std::int32_t) * group_size)));

/// How many pixels or points ahead memory is asked for: numbers of points are known, the lines they name are anywhere.
static constexpr std::int64_t look_ahead = 16;

static void spread(const float* values, const Corners& corners, float* points) {
  const auto* const of_pixel = reinterpret_cast<const Lanes*>(values);
  auto* const of_point = reinterpret_cast<Lanes*>(points);
  const std::int64_t count = corners.pixels * corners.corners;
  std::int64_t at = 0;
  for (std::int64_t pixel = 0; pixel < corners.pixels; ++pixel) {
    const Lanes value = of_pixel[pixel];
    for (int c = 0; c < corners.corners; ++c, ++at) {
      const std::int64_t ahead = at + look_ahead;
      if (ahead < count) __builtin_prefetch(of_point + corners.points[ahead], 1);
      of_point[corners.points[at]] += corners.weights[at] * value;
    }
  }
}

static void blur(const std::int32_t* rows, std::int64_t count, float* points) {
  auto* const of_point = reinterpret_cast<Lanes*>(points);
  const auto number = [](std::int32_t entry) { return entry < 0 ? ~entry : entry; };
  Lanes before = {};
  float half_of_before = 0.0F;
  for (std::int64_t at = 0; at < count; ++at) {
    if (at + look_ahead < count) __builtin_prefetch(of_point + number(rows[at + look_ahead]), 1);
    // No branches: where rows end is hard to foresee.
    const bool ends = rows[at] < 0;
    const float half_of_after = ends ? 0.0F : 0.5F;
    const Lanes after = of_point[number(rows[at + (ends ? 0 : 1)])];
    Lanes& point = of_point[number(rows[at])];
    const Lanes here = point;
    point = here + (half_of_before * before + half_of_after * after);
    before = here;
    half_of_before = half_of_after;
  }
}

static void gather(const float* points, const Corners& corners, float factor, const float* base, float* values) {
  const auto* const of_point = reinterpret_cast<const Lanes*>(points);
  const auto* const from = reinterpret_cast<const Lanes*>(base);
  auto* const to = reinterpret_cast<Lanes*>(values);
  const std::int64_t count = corners.pixels * corners.corners;
  std::int64_t at = 0;
  for (std::int64_t pixel = 0; pixel < corners.pixels; ++pixel) {
    Lanes sum = {};
    for (int c = 0; c < corners.corners; ++c, ++at) {
      const std::int64_t ahead = at + look_ahead;
      if (ahead < count) __builtin_prefetch(of_point + corners.points[ahead]);
      sum += corners.weights[at] * of_point[corners.points[at]];
    }
    to[pixel] = from[pixel] + factor * sum;
  }
}

/// value = exp(value) for values up to 0, within 2 units in the last place; 0 where the result would be below the
/// normal numbers.
static void exponential(Lanes& value) {
  const Lanes smallest = Lanes{} - 87.0F;
  const Integers vanishes = value < smallest;
  const Lanes limited = vanishes ? smallest : value;
  // exp(x) = 2^n exp(r): adding 1.5 * 2^23 rounds to an integer, which then is in the low bits. ln 2 in two parts.
  const Lanes shifted = limited * 1.44269504F + 12'582'912.0F;
  const Lanes n = shifted - 12'582'912.0F;
  const Lanes r = (limited - n * 0.693359375F) + n * 2.12194440e-4F;
  // The series of exp, |r| < 0.35.
  Lanes series = Lanes{} + 1.0F / 5040.0F;
  series = series * r + 1.0F / 720.0F;
  series = series * r + 1.0F / 120.0F;
  series = series * r + 1.0F / 24.0F;
  series = series * r + 1.0F / 6.0F;
  series = series * r + 0.5F;
  series = series * r + 1.0F;
  series = series * r + 1.0F;
  const Integers power = ((Integers)shifted + (127 - 0x4B400000)) << 23;
  value = vanishes ? Lanes{} : series * (Lanes)power;
}

/// Each lane of `value` becomes what `combine` makes of all of them, in the order of a tree.
template <class Combine>
static void combine_lanes(Lanes& value, Combine combine) {
  combine(value, __builtin_shuffle(value, Integers{8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7}));
  combine(value, __builtin_shuffle(value, Integers{4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11}));
  combine(value, __builtin_shuffle(value, Integers{2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13}));
  combine(value, __builtin_shuffle(value, Integers{1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14}));
}

static void softmax(const float* scores, std::int64_t pixels, int groups, float* probabilities) {
  const auto* const from = reinterpret_cast<const Lanes*>(scores);
  auto* const to = reinterpret_cast<Lanes*>(probabilities);
  const auto larger = [](Lanes& a, const Lanes& b) { a = a > b ? a : b; };
  const auto sum_up = [](Lanes& a, const Lanes& b) { a += b; };
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
    Lanes largest = from[pixel];
    for (int group = 1; group < groups; ++group) larger(largest, from[group * pixels + pixel]);
    combine_lanes(largest, larger);
    Lanes sum = {};
    for (int group = 0; group < groups; ++group) {
      Lanes value = from[group * pixels + pixel] - largest;
      exponential(value);
      to[group * pixels + pixel] = value;
      sum += value;
    }
    combine_lanes(sum, sum_up);
    const Lanes factor = 1.0F / sum;
    for (int group = 0; group < groups; ++group) to[group * pixels + pixel] *= factor;
  }
}

static Kernel shared_kernel() {
  return {.spread = spread, .blur = blur, .gather = gather, .softmax = softmax};
}

}  // namespace datus::refine_detail
