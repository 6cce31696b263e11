// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace datus::affinity {

/// exp((cosine - 1) * scale), 0 where the exponent is below -16. Additions and products in a fixed order, none of them
/// fused: the same everywhere.
[[nodiscard]] float soft_weight(float cosine, float scale);

}  // namespace datus::affinity
