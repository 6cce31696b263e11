// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/class_groups.hpp"
#include "datus/core/image.hpp"
#include "datus/core/simd_path.hpp"

#include <memory>
#include <span>

namespace datus {

/// Settings of the guided filter.
struct GuidedFilterOptions {
  /// Side, in pixels, of the cells of the grid that the linear models are fitted on, at least 1 (the filter itself).
  int step = 4;
  /// Windows reach so many cells to each side, at least 1.
  int radius = 4;
  /// Variance of colours, from 0 (black) to 1, from which a window keeps its edges; at least 1e-6.
  float epsilon = 1e-3F;

  friend bool operator==(const GuidedFilterOptions&, const GuidedFilterOptions&) = default;
};

/// Makes the values of pixels follow the edges of the image, at a fraction of a CRF's cost: the guided filter with a
/// colour guide (He, Sun and Tang 2013, equations 14 to 16), its models fitted on the means of the cells of a grid and
/// their coefficients interpolated (He and Sun 2015, "Fast Guided Filter"). Each window's values are fitted as a linear
/// function of colour; a pixel takes the mean of the models of all windows that it is in.
///
/// The same bits on every path and machine: models are fitted in f64, averaged and used in f32. It keeps its memory
/// from image to image, which does not depend on the number of classes: for each cell 500 bytes; a few rows are at work
/// at a time. One object for each thread, not for several at once.
class GuidedFilter {
 public:
  /// Throws `UsageError` for an option out of range or a path that this CPU lacks.
  explicit GuidedFilter(const GuidedFilterOptions& options = {}, SimdPath path = best_simd_path());
  ~GuidedFilter();
  GuidedFilter(GuidedFilter&&) noexcept;
  GuidedFilter& operator=(GuidedFilter&&) noexcept;

  /// Makes what the models need of an image, for all calls of `refine` that follow. Throws `InputError` for one without
  /// pixels, or with sides above 65,535.
  void look_at(const Image& image);

  /// Filters classes of that image's pixels: `give` gives the means of similarities or probabilities over cells, a row
  /// of cells at a time, where it would those of pixels; `take` is given what each pixel has of them, row by row.
  ///
  /// Not collective, one thread. Throws `InputError` when no image was looked at, there is no class, or a value is not
  /// finite.
  void refine(int classes, const GiveClasses& give, const TakeClasses& take);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Both at once, in place, for values [pixels][classes] f32, row-major, pixel y * width + x; `largest_classes` makes
/// labels of them. Throws as `GuidedFilter` does, and `InputError` when the sizes do not agree.
void guided_filter(const Image& image, std::span<float> values, int classes, const GuidedFilterOptions& options = {},
                   SimdPath path = best_simd_path());

}  // namespace datus
