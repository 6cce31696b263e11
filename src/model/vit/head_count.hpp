// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/vit/vit_plan.hpp"

#include <optional>

namespace datus {

/// The number of attention heads: `option` where it is given; what the number of stored rotary periods tells; what the
/// configuration beside the file says; the published models whose heads are not 64 wide; D / 64. Throws `UsageError`
/// for an option that does not fit, `InputError` naming the file where nothing settles it.
[[nodiscard]] int choose_heads(const WeightBranch& weights, const ViTPlan& plan, std::optional<int> option,
                               std::optional<int> hub);

}  // namespace datus
