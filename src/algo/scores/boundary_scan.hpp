// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/scores/pixel_scan.hpp"
#include "datus/algo/boundary.hpp"

namespace datus {

/// Of one image that has been scanned.
[[nodiscard]] BoundaryCounts count_boundary(const PixelScan& scan);

}  // namespace datus
