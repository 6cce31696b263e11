// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"
#include "datus/core/types.hpp"
#include "datus/model/resize.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace datus {

/// How an image of any shape becomes the model's input of one fixed shape.
enum class ResizeMode {
  /// Resized to the input size; the aspect ratio is not kept.
  squash,
  /// Aspect kept: the smallest size that covers the input, then the centre of it. What is cut off belongs to no patch.
  crop,
  /// Aspect kept: the largest size that fits the input, at its top left; the rest is black and belongs to no segment.
  pad,
};

/// How a line of pixels takes part in two lines of patches: (1 - weight) of `first` and `weight` of `second`.
struct PatchBlend {
  std::int32_t first = -1;   ///< -1: no patch, `crop` has cut the pixel off or it is padding
  std::int32_t second = -1;  ///< the same line, or the one after it
  float weight = 0;
};

/// The blends of all rows and columns of pixels.
struct PatchBlends {
  std::vector<PatchBlend> rows;
  std::vector<PatchBlend> cols;
};

/// Bilinear interpolation from `lines` lines of any values to `pixels` lines of pixels over the same length.
[[nodiscard]] std::vector<PatchBlend> blend_lines(int pixels, int lines);

/// Where the pixels of one image lie in the model's input, and back. All mappings are exact integer arithmetic.
///
/// `crop` scales by max(rows / height, cols / width), `pad` by the smaller of the two: one side fits the input exactly,
/// the other is truncated to whole pixels, at least 1. A crop's offset rounds halves to even. For square inputs `crop`
/// is torchvision's Resize(side) and CenterCrop(side).
class InputGeometry {
 public:
  /// Sizes in pixels; the input's sides are multiples of `patch`. Throws `UsageError` when they are not, or when the
  /// grid has more than 32,767 patches (files keep a patch's segment in 16 bits); `InputError` for an image without
  /// pixels.
  InputGeometry(int image_height, int image_width, int input_rows_px, int input_cols_px, int patch, ResizeMode mode);

  /// The model's input, RGB [rows px, cols px]. Throws `InputError` when `image` does not have the size given above.
  [[nodiscard]] Image apply(const Image& image, Resample resample) const;

  /// The patch grid of the input; the same for every image of a run.
  [[nodiscard]] GridSize grid() const noexcept;

  /// 1 for each patch [patches] that shows at least one pixel of the image, 0 for one that is all padding.
  [[nodiscard]] std::vector<std::uint8_t> valid_patches() const;

  /// Labels of patches [patches] to the image's own resolution: each pixel gets the label of the patch under its
  /// centre, -1 where `crop` has cut it off. Throws `InputError` when there is not one label per patch.
  [[nodiscard]] LabelMap to_original(std::span<const std::int32_t> patch_labels) const;

  /// Labels of patches [patches] to the resolution of the input; -1 on padding, also inside a patch that is partly
  /// padding. Throws `InputError` when there is not one label per patch.
  [[nodiscard]] LabelMap to_input(std::span<const std::int32_t> patch_labels) const;

  /// Bilinear interpolation between the centres of patches, for every pixel of the image at its own resolution; beyond
  /// the outermost centres it is constant. Patches of padding take no part.
  [[nodiscard]] PatchBlends blend_original() const;
  /// The same for every pixel of the input.
  [[nodiscard]] PatchBlends blend_input() const;
  /// A pixel for each patch, which nothing is blended into.
  [[nodiscard]] PatchBlends blend_grid() const;

 private:
  friend std::vector<PatchBlend> blend_lines(int pixels, int lines);
  /// One side: `image` pixels are resized to `resized`, from whose pixel `offset` on the input starts.
  struct Side {
    int image;
    int input;
    int resized;
    int offset;
    /// For each pixel of the image the row or column of its patch, or -1.
    [[nodiscard]] std::vector<std::int32_t> patch_of_image_pixel(int patch) const;
    /// The same for each pixel of the input.
    [[nodiscard]] std::vector<std::int32_t> patch_of_input_pixel(int patch) const;
    [[nodiscard]] std::vector<PatchBlend> blend_of_image_pixel(int patch) const;
    [[nodiscard]] std::vector<PatchBlend> blend_of_input_pixel(int patch) const;
    [[nodiscard]] std::vector<PatchBlend> blend_of_patch(int patch) const;
    /// Patches with a pixel of the image: those before it in a line are all such.
    [[nodiscard]] std::int32_t shown(int patch) const { return (std::min(resized, input) + patch - 1) / patch; }
    /// Of the point numerator / denominator of the input, in pixels.
    [[nodiscard]] PatchBlend blend_at(std::int64_t numerator, std::int64_t denominator, int patch) const;
  };
  void fit(ResizeMode mode);
  [[nodiscard]] LabelMap spread(std::span<const std::int32_t> patch_labels, const std::vector<std::int32_t>& patch_rows,
                                const std::vector<std::int32_t>& patch_cols) const;

  Side vertical_;
  Side horizontal_;
  int patch_;
};

}  // namespace datus
