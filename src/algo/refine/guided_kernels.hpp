// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/refine/kernels.hpp"
#include "datus/algo/between.hpp"

#include <cstddef>
#include <cstdint>

// As kernels.hpp: no inline functions.

namespace datus::refine_detail {

/// A linear model of values by colour: factors of red, green and blue, and what is added; for a group of classes.
inline constexpr int model_terms = 4;
inline constexpr int model_size = model_terms * group_size;

/// Windows are added up for so many places at once.
inline constexpr int window_block = 4;

/// One path of the steps that the guided filter, and the choice of classes after it, spend their time in.
/// Multiplications and additions are rounded each, in one order.
struct GuidedKernel {
  /// Of a cell with values [group_size]: their products with each of its colours, and then themselves,
  /// [model_terms][group_size].
  void (*weigh)(const float* values, const double* colour, double* of_cell);
  /// What `weigh` makes, added up over a window, becomes the window's model (equations 14 and 15). `share`: 1 / its
  /// cells; `mean` [3] and `inverse` [6]: those of `Guide`.
  void (*solve)(const double* sums, double share, const double* mean, const double* inverse, float* model);
  /// For the places begin ... end - 1 of `length`: sums[place] = values of the places up to `radius` to each side, of
  /// `channels` values each, a multiple of model_size. Of window_block windows from `begin` on, first what all have in
  /// common is added up, then what is in front of it, then what is behind. Other places need not have values.
  void (*add_windows)(const double* const* places, int length, int radius, int begin, int end, std::size_t channels,
                      double* const* sums);
  /// The same of models.
  void (*add_models)(const float* const* places, int length, int radius, int begin, int end, std::size_t channels,
                     float* const* sums);
  /// mixed = before + share * (after - before).
  void (*mix)(const float* before, const float* after, float share, std::size_t size, float* mixed);
  /// values [pixels][group_size] of pixels with those colours (RGB, 3 bytes each), by models
  /// [cells][model_terms][group_size].
  void (*apply)(const float* models, const Between* between, const std::uint8_t* colours, std::int64_t pixels,
                float* values);
  /// Of each of `pixels` pixels in a row that has `share` of the row `below` and the rest of the row `above`, both
  /// [places][group_size], and lies among their places as `between` says: where the largest of the lanes begin ...
  /// end - 1 is above largest[pixel], that becomes it, and labels[pixel] its lane, the first on ties, + `first`.
  void (*keep_largest)(const float* above, const float* below, float share, const Between* between, std::int64_t pixels,
                       int begin, int end, int first, float* largest, std::int32_t* labels);
};

[[nodiscard]] GuidedKernel scalar_guided_kernel();
[[nodiscard]] GuidedKernel avx2_guided_kernel();
[[nodiscard]] GuidedKernel avx512_guided_kernel();

}  // namespace datus::refine_detail
