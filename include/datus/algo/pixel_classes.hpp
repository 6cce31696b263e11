// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"
#include "datus/core/simd_path.hpp"

#include <cstdint>
#include <span>

namespace datus {

/// The class of the largest value of each pixel, the lowest on ties. values: [height * width][classes], row-major,
/// without NaN. Throws `InputError` when the sizes do not agree.
[[nodiscard]] LabelMap largest_classes(std::span<const float> values, int height, int width, int classes);

/// One group of classes more: the class first ... first + count - 1 of the largest value of each pixel, the lowest on
/// ties, becomes its label where that value is larger than `largest` [pixels], which follows it. values:
/// [pixels][class_group_size] at a cache line, without NaN in their first `count` lanes; labels [pixels]. Groups come
/// by ascending `first`; before the first of them `largest` is -infinity, or more where no class is to win.
void keep_largest(std::span<const float> values, int first, int count, std::span<float> largest,
                  std::span<std::int32_t> labels, SimdPath path = best_simd_path());

}  // namespace datus
