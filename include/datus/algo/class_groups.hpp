// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>

namespace datus {

/// Values of pixels are refined for so many classes at a time, so that nobody must hold those of all classes at once.
inline constexpr int class_group_size = 16;

/// Writes the values of the classes first ... first + count - 1, count at most class_group_size, of all pixels to
/// values [pixels][class_group_size] f32; lanes from `count` on are left as they are. Called once for each group, by
/// ascending `first`.
using GiveClasses = std::function<void(int first, int count, std::span<float> values)>;

/// Is given refined values in the same layout, once for each group, by ascending `first`.
using TakeClasses = std::function<void(int first, int count, std::span<const float> values)>;

}  // namespace datus
