#pragma once

#include <cstdint>
#include <span>

namespace datus::refine_detail {

/// Groups of `group_size` that hold so many classes.
[[nodiscard]] int groups_of(int classes);

/// values [pixels][classes] to groups [groups][pixels][group_size], lanes without a class as `filling`.
void to_groups(std::span<const float> values, int classes, float filling, std::span<float> groups);

/// The way back.
void from_groups(std::span<const float> groups, int classes, std::span<float> values);

}  // namespace datus::refine_detail
