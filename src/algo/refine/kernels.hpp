// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

// Included by files that are compiled for one instruction set: nothing here, or included from here, may be an inline
// function, or the linker could keep a copy of it that other CPUs cannot run.

namespace datus::refine_detail {

/// Classes are taken in groups of this many, the last one filled up: one cache line for each pixel or point.
inline constexpr int group_size = 16;

/// The corners of the lattice around each of `pixels` pixels, and their weights: [pixels][corners], corners 3 or 6.
/// Numbers of points can be read `look_ahead` entries beyond the last.
struct Corners {
  const std::int32_t* points;
  const float* weights;
  std::int64_t pixels;
  int corners;
};

/// How many entries ahead memory is asked for: numbers of points are known, the lines they name are anywhere.
inline constexpr int look_ahead = 24;

/// One path of the steps that the mean field spends its time in. Values of pixels and of points are [.][group_size], at
/// cache lines. Multiplications and additions are rounded each, in one order.
struct Kernel {
  /// points[c] += weight * values[pixel] for all corners c of all pixels, in their order.
  void (*spread)(const float* values, const Corners& corners, float* points);
  /// Along rows as `Lattice::rows` lists them: point += half of the sum of its two neighbours, all as they were before.
  void (*blur)(const std::int32_t* rows, std::int64_t count, float* points);
  /// The same for `count` points that follow each other, first of all at `points`, whose neighbours are named:
  /// results[i] = points[i] + half of the sum of all[before[i]] and all[after[i]].
  void (*blur_run)(const float* points, const float* all, const std::int32_t* before, const std::int32_t* after,
                   std::int64_t count, float* results);
  /// values[pixel] = base[pixel] + factor * sum over its corners of weight * points[c]; `values` may be `base`.
  void (*gather)(const float* points, const Corners& corners, float factor, const float* base, float* values);
  /// probabilities = exp(scores) / sum over all classes, of `pixels` pixels. Both [groups][.][group_size], groups
  /// `stride` pixels apart; they may be the same. Scores of lanes without a class are `no_class`, their probabilities
  /// 0.
  void (*softmax)(const float* scores, std::int64_t stride, std::int64_t pixels, int groups, float* probabilities);
};

/// The score of a lane that is there to fill up a group. What is added to it changes nothing.
inline constexpr float no_class = -1e30F;

[[nodiscard]] Kernel scalar_kernel();
[[nodiscard]] Kernel avx2_kernel();
[[nodiscard]] Kernel avx512_kernel();

}  // namespace datus::refine_detail
