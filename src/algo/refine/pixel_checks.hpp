#pragma once

#include "algo/refine/kernels.hpp"
#include "datus/core/image.hpp"
#include "datus/core/simd_path.hpp"

#include <cstddef>
#include <span>

namespace datus::refine_detail {

/// Throws `InputError` unless there are pixels, at most 65,535 a side, and as many values as [pixels][classes] has.
void check_sizes(int height, int width, std::size_t values, int classes);
/// The same, and that the image has its pixels.
void check_sizes(const Image& image, std::size_t values, int classes);

/// Throws `InputError` for a value of [pixels][classes] that is not finite.
void check_finite(std::span<const float> values, int classes);

/// Throws `UsageError` for a path that this CPU lacks.
[[nodiscard]] Kernel kernel_for(SimdPath path);

}  // namespace datus::refine_detail
