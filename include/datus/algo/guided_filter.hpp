#pragma once

#include "datus/core/image.hpp"

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
/// values [pixels][classes] f32, row-major, pixel y * width + x: similarities or probabilities on entry, filtered on
/// return; `largest_classes` makes labels of them. The same bits on every machine: cells in f64, pixels in f32.
///
/// Not collective, one thread. Throws `InputError` when the sizes do not agree or a value is not finite, `UsageError`
/// for an option out of range.
void guided_filter(const Image& image, std::span<float> values, int classes, const GuidedFilterOptions& options = {});

}  // namespace datus
