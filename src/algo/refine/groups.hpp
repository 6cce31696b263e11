// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/class_groups.hpp"

#include <cstdint>
#include <functional>
#include <span>

namespace datus::refine_detail {

/// Groups of `group_size` that hold so many classes.
[[nodiscard]] int groups_of(int classes);

/// Calls body(first class, how many) for each group of them.
void for_each_group(int classes, const std::function<void(int, int)>& body);

/// From values [pixels][classes], which must live as long.
[[nodiscard]] GiveClasses give_from(std::span<const float> values, int classes);

/// The way back.
[[nodiscard]] TakeClasses take_to(std::span<float> values, int classes);

}  // namespace datus::refine_detail
