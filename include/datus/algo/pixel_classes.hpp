// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"

#include <span>

namespace datus {

/// The class of the largest value of each pixel, the lowest on ties. values: [height * width][classes], row-major,
/// without NaN. Throws `InputError` when the sizes do not agree.
[[nodiscard]] LabelMap largest_classes(std::span<const float> values, int height, int width, int classes);

}  // namespace datus
