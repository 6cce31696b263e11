// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"
#include "datus/core/patch_box.hpp"
#include "datus/core/types.hpp"

#include <cstdint>
#include <span>

namespace datus {

/// The picture that describes one segment: the segment's tight box cut from the model's input, black outside the
/// segment, shorter side resized to `crop_resize` (bicubic, longer side truncated), then the centre `crop_size` x
/// `crop_size`.
///
/// `input` is the resized model input [grid.rows * patch, grid.cols * patch] RGB; `segment_map` [grid] the segment of
/// every patch, -1 for none; `box` the tight box of `segment`. The black runs into the segment's border by the filter
/// and is not masked again. Of a long thin segment only the middle is seen, and only that is computed.
///
/// Source: DatUS's segment crops, with Pillow's resampling and RGB throughout. Not collective.
/// Throws `InputError` when the sizes do not agree, the box is empty or outside the grid, or no patch in it belongs to
/// `segment`; `UsageError` when `crop_size` is not 1 ... `crop_resize`.
[[nodiscard]] Image masked_crop(const Image& input, std::span<const std::int16_t> segment_map, GridSize grid, int patch,
                                int segment, PatchBox box, int crop_resize = 256, int crop_size = 224);

}  // namespace datus
