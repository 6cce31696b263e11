// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/refine/guided_kernels.hpp"
#include "algo/refine/kernels.hpp"
#include "datus/core/image.hpp"
#include "datus/core/simd_path.hpp"

#include <cstddef>
#include <span>

namespace datus::refine_detail {

/// Throws `InputError` unless the image has its pixels, at most 65,535 a side.
void check_image(const Image& image);

/// Throws `InputError` unless there are pixels, at most 65,535 a side, and as many values as [pixels][classes] has.
void check_sizes(int height, int width, std::size_t values, int classes);
/// Throws `InputError` for a value of the classes first ... first + count - 1, [places][group_size], that is not
/// finite; `what`: what a place is, "pixel" or "cell"; `place`: the first of these places.
void check_finite(std::span<const float> values, int first, int count, const char* what, std::size_t place);

/// Throws `UsageError` for a path that this CPU lacks.
[[nodiscard]] Kernel kernel_for(SimdPath path);
[[nodiscard]] GuidedKernel guided_kernel_for(SimdPath path);

}  // namespace datus::refine_detail
