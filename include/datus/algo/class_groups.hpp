// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <span>

namespace datus {

/// Values of pixels are refined for so many classes at a time, so that nobody must hold those of all classes at once.
inline constexpr int class_group_size = 16;

/// Writes the values of the classes first ... first + count - 1, count at most class_group_size, of whole rows of
/// pixels to values [pixels][class_group_size] f32, at a cache line; `pixel` is the first of them. Lanes from `count`
/// on are left as they are. Called for all rows of each group in their order, by ascending `first`.
using GiveClasses = std::function<void(int first, int count, std::size_t pixel, std::span<float> values)>;

/// Is given refined values in the same layout and order.
using TakeClasses = std::function<void(int first, int count, std::size_t pixel, std::span<const float> values)>;

}  // namespace datus
