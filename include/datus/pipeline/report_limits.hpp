// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace datus {

/// Images that a report shows, unless another number is asked for.
inline constexpr int report_images = 24;
/// Most pixels that a picture of a report is wide.
inline constexpr int report_picture_width = 420;

}  // namespace datus
