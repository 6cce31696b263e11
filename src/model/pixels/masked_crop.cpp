// SPDX-License-Identifier: Apache-2.0
#include "datus/model/masked_crop.hpp"

#include "datus/core/error.hpp"
#include "datus/core/text.hpp"
#include "datus/model/resize.hpp"
#include "model/pixels/centre_crop.hpp"

#include <algorithm>
#include <cstddef>
#include <string>

namespace datus {
namespace {

void check(const Image& input, std::span<const std::int16_t> segment_map, GridSize grid, int patch, int segment,
           PatchBox box) {
  if (segment_map.size() != static_cast<std::size_t>(grid.patches()) || input.height != grid.rows * patch ||
      input.width != grid.cols * patch) {
    throw InputError("A segment map of " + std::to_string(segment_map.size()) + " patches does not fit its image of " +
                         dimensions_text(input.height, input.width) + " pixels",
                     "a grid of " + dimensions_text(grid.rows, grid.cols) + " patches of " + std::to_string(patch) +
                         " pixels was expected",
                     "Make the segments again with the input size of this run.");
  }
  if (box.row < 0 || box.col < 0 || box.rows < 1 || box.cols < 1 || box.row + box.rows > grid.rows ||
      box.col + box.cols > grid.cols) {
    throw InputError("The box of segment " + std::to_string(segment) + " is unusable",
                     dimensions_text(box.rows, box.cols) + " patches at row " + std::to_string(box.row) + ", column " +
                         std::to_string(box.col) + " in a grid of " + dimensions_text(grid.rows, grid.cols),
                     "Make the segments again.");
  }
}

/// The pixels of the box, black where the patch belongs to another segment or to none.
Image cut_segment(const Image& input, std::span<const std::int16_t> segment_map, GridSize grid, int patch, int segment,
                  PatchBox box) {
  Image cut(box.rows * patch, box.cols * patch);
  const std::size_t patch_bytes = static_cast<std::size_t>(patch) * 3;
  bool found = false;
  for (int row = 0; row < box.rows; ++row) {
    for (int col = 0; col < box.cols; ++col) {
      const auto index = static_cast<std::size_t>((box.row + row) * grid.cols + box.col + col);
      if (segment_map[index] != segment) continue;
      found = true;
      for (int y = row * patch; y < (row + 1) * patch; ++y) {
        const auto from =
            input.row(box.row * patch + y).subspan(static_cast<std::size_t>(box.col + col) * patch_bytes, patch_bytes);
        std::copy(from.begin(), from.end(),
                  cut.row(y).begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(col) * patch_bytes));
      }
    }
  }
  if (!found) {
    throw InputError("Segment " + std::to_string(segment) + " has no patch in its box",
                     "the boxes and the segment map do not belong together", "Make the segments again.");
  }
  return cut;
}

}  // namespace

Image masked_crop(const Image& input, std::span<const std::int16_t> segment_map, GridSize grid, int patch, int segment,
                  PatchBox box, int crop_resize, int crop_size) {
  check(input, segment_map, grid, patch, segment, box);
  if (crop_size < 1 || crop_size > crop_resize) {
    throw UsageError("Cannot cut " + dimensions_text(crop_size, crop_size) + " pixels from a crop",
                     "its shorter side is resized to " + std::to_string(crop_resize),
                     "Set descriptor.crop_size to at least 1 and at most descriptor.crop_resize.");
  }
  const Image cut = cut_segment(input, segment_map, grid, patch, segment, box);
  const int shorter = std::min(cut.height, cut.width);
  const int height = proportional_side(crop_resize, cut.height, shorter);
  const int width = proportional_side(crop_resize, cut.width, shorter);
  return resize_window(cut, height, width, Resample::bicubic,
                       {centre_offset(height, crop_size), centre_offset(width, crop_size), crop_size, crop_size});
}

}  // namespace datus
