// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/segments.hpp"

#include "datus/algo/bit_graph.hpp"
#include "datus/core/error.hpp"
#include "datus/core/text.hpp"

#include <algorithm>
#include <cstddef>
#include <string>

namespace datus {
namespace {

bool is_valid(std::span<const std::uint8_t> valid, std::size_t patch) {
  return valid.empty() || valid[patch] != 0;
}

/// Number of patches, once grid and mask are known to be good.
std::size_t checked_patches(GridSize grid, std::span<const std::uint8_t> valid) {
  // In 64 bits: the product of two ints may not fit in an int.
  const std::int64_t patches = std::int64_t{grid.rows} * grid.cols;
  if (grid.rows < 1 || grid.cols < 1 || patches > max_nodes) {
    throw InputError("A grid of " + dimensions_text(grid.rows, grid.cols) + " patches cannot be segmented",
                     "1 to " + std::to_string(max_nodes) + " patches are possible", "Choose another model.input_size.");
  }
  const auto count = static_cast<std::size_t>(patches);
  if (!valid.empty() && valid.size() != count) {
    throw InputError("The mask of valid patches does not fit the grid",
                     std::to_string(valid.size()) + " flags for " + std::to_string(count) + " patches",
                     "Give one flag for each patch, or none.");
  }
  return count;
}

std::vector<std::int16_t> checked_communities(std::span<const std::int32_t> labels, std::size_t patches,
                                              std::span<const std::uint8_t> valid) {
  if (labels.size() != patches) {
    throw InputError("The communities do not fit the patch grid",
                     std::to_string(labels.size()) + " labels for " + std::to_string(patches) + " patches",
                     "Check the attributes rows and cols of the keys.");
  }
  std::vector<std::int16_t> community(patches, -1);
  for (std::size_t patch = 0; patch < patches; ++patch) {
    if (!is_valid(valid, patch)) continue;
    if (labels[patch] < 0 || labels[patch] >= max_nodes) {
      throw InputError("Patch " + std::to_string(patch) + " is in community " + std::to_string(labels[patch]),
                       "communities are stored in 16 bits, from 0 to " + std::to_string(max_nodes - 1),
                       "Number the communities from 0.");
    }
    community[patch] = static_cast<std::int16_t>(labels[patch]);
  }
  return community;
}

/// Finds one component after the other, first patches in raster order.
class ComponentFinder {
 public:
  ComponentFinder(const std::vector<std::int16_t>& community, GridSize grid, int connectivity)
      : community_(community), grid_(grid), connectivity_(connectivity), seen_(community.size()) {}

  [[nodiscard]] bool seen(std::size_t patch) const { return seen_[patch] != 0; }

  /// All patches of the component of `first`, in no fixed order; valid until the next call.
  const std::vector<int>& flood(int first) {
    found_.assign(1, first);
    seen_[static_cast<std::size_t>(first)] = 1;
    for (std::size_t next = 0; next < found_.size(); ++next) add_neighbors(found_[next]);
    return found_;
  }

 private:
  void add_neighbors(int patch) {
    const int row = patch / grid_.cols;
    const int col = patch % grid_.cols;
    for (int r = std::max(row - 1, 0); r <= std::min(row + 1, grid_.rows - 1); ++r) {
      for (int c = std::max(col - 1, 0); c <= std::min(col + 1, grid_.cols - 1); ++c) {
        if (connectivity_ == 4 && r != row && c != col) continue;
        const int neighbor = r * grid_.cols + c;
        const auto at = static_cast<std::size_t>(neighbor);
        if (seen_[at] != 0 || community_[at] != community_[static_cast<std::size_t>(patch)]) continue;
        seen_[at] = 1;
        found_.push_back(neighbor);
      }
    }
  }

  const std::vector<std::int16_t>& community_;
  GridSize grid_;
  int connectivity_;
  std::vector<char> seen_;
  std::vector<int> found_;
};

PatchBox box_of(const std::vector<int>& patches, GridSize grid) {
  int top = grid.rows;
  int left = grid.cols;
  int bottom = 0;
  int right = 0;
  for (const int patch : patches) {
    top = std::min(top, patch / grid.cols);
    bottom = std::max(bottom, patch / grid.cols);
    left = std::min(left, patch % grid.cols);
    right = std::max(right, patch % grid.cols);
  }
  return {.row = static_cast<std::int16_t>(top),
          .col = static_cast<std::int16_t>(left),
          .rows = static_cast<std::int16_t>(bottom - top + 1),
          .cols = static_cast<std::int16_t>(right - left + 1)};
}

}  // namespace

Segments find_segments(std::span<const std::int32_t> labels, GridSize grid, int min_patches, int connectivity,
                       std::span<const std::uint8_t> valid) {
  if (connectivity != 4 && connectivity != 8) {
    throw UsageError("segment.connectivity is " + std::to_string(connectivity),
                     "patches touch along edges (4) or along edges and corners (8)", "Set it to 4 or 8.");
  }
  if (min_patches < 0) {
    throw UsageError("segment.min_patches is " + std::to_string(min_patches), "a segment has at least one patch",
                     "Set it to 0 or more.");
  }
  const std::size_t patches = checked_patches(grid, valid);
  Segments segments;
  segments.community = checked_communities(labels, patches, valid);
  segments.segment.assign(patches, -1);
  ComponentFinder finder(segments.community, grid, connectivity);
  for (std::size_t first = 0; first < patches; ++first) {
    if (segments.community[first] < 0 || finder.seen(first)) continue;
    const std::vector<int>& component = finder.flood(static_cast<int>(first));
    if (component.size() <= static_cast<std::size_t>(min_patches)) continue;
    const auto id = static_cast<std::int16_t>(segments.sizes.size());
    for (const int patch : component) segments.segment[static_cast<std::size_t>(patch)] = id;
    segments.boxes.push_back(box_of(component, grid));
    segments.sizes.push_back(static_cast<std::int32_t>(component.size()));
  }
  return segments;
}

Segments every_patch_a_segment(GridSize grid, std::span<const std::uint8_t> valid) {
  const std::size_t patches = checked_patches(grid, valid);
  std::vector<std::int32_t> labels(patches, -1);
  std::int32_t next = 0;
  for (std::size_t patch = 0; patch < patches; ++patch) {
    if (is_valid(valid, patch)) labels[patch] = next++;
  }
  return find_segments(labels, grid, 0, 8, valid);
}

}  // namespace datus
