// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"

#include <array>
#include <span>

namespace datus {

/// How bytes become what the network sees, see `normalise`.
struct PixelScaling {
  std::array<float, 3> mean{};
  std::array<float, 3> standard_deviation{};
  bool bgr = false;
  friend bool operator==(const PixelScaling&, const PixelScaling&) = default;
};

/// The network's view of an image: (value / 255 - mean) / stddev in float32, in this order of operations.
///
/// `out` [3, H, W] takes the planes in the order R, G, B, or B, G, R with `bgr`. Element i of `mean` and `stddev`
/// (fractions of 1) belongs to plane i, whichever channel that is: the reference, which feeds BGR, does the same.
/// Throws `InputError` when `out` does not have 3 H W elements, `UsageError` when a `stddev` is not above 0.
void normalise(const Image& image, const std::array<float, 3>& mean, const std::array<float, 3>& stddev, bool bgr,
               std::span<float> out);

}  // namespace datus
