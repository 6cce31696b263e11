// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/patch_box.hpp"
#include "datus/core/types.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace datus {

/// The segments of one image. Ids are by raster order of each segment's first patch, among valid segments.
struct Segments {
  std::vector<std::int16_t> community;  ///< [patches], -1 where the patch is padding.
  std::vector<std::int16_t> segment;    ///< [patches], -1 where the segment is not valid or the patch is padding.
  std::vector<PatchBox> boxes;          ///< [segments]
  std::vector<std::int32_t> sizes;      ///< [segments], in patches.
};

/// Cuts communities into connected components; those of more than `min_patches` patches are the valid segments.
///
/// `labels` [patches] are communities, 0 ... 32766. `connectivity` is 8 or 4. `valid` [patches] (0 = padding, empty =
/// all valid): padding belongs to no segment and joins none.
///
/// Not collective. Throws `InputError` when the sizes do not agree, a label is out of range, or the grid has more than
/// 32,767 patches; `UsageError` for a wrong connectivity or a negative `min_patches`.
[[nodiscard]] Segments find_segments(std::span<const std::int32_t> labels, GridSize grid, int min_patches,
                                     int connectivity = 8, std::span<const std::uint8_t> valid = {});

/// Every patch that is not padding is a community and a segment of its own: the baseline that clusters patches.
/// Throws as `find_segments`.
[[nodiscard]] Segments every_patch_a_segment(GridSize grid, std::span<const std::uint8_t> valid = {});

}  // namespace datus
