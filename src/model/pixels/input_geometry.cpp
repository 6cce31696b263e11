// SPDX-License-Identifier: Apache-2.0
#include "datus/model/input_geometry.hpp"

#include "datus/core/error.hpp"
#include "datus/core/text.hpp"
#include "model/pixels/centre_crop.hpp"

#include <algorithm>
#include <cstddef>
#include <string>

namespace datus {
namespace {

constexpr std::int64_t most_patches = 32'767;

void check_sizes(int image_height, int image_width, int rows_px, int cols_px, int patch) {
  if (patch < 1 || rows_px < patch || cols_px < patch || rows_px % patch != 0 || cols_px % patch != 0) {
    throw UsageError("The input size " + dimensions_text(rows_px, cols_px) + " does not fit the model",
                     "its patches have " + dimensions_text(patch, patch) + " pixels",
                     "Set model.input_size to multiples of " + std::to_string(patch) + ".");
  }
  const std::int64_t patches = std::int64_t{rows_px / patch} * (cols_px / patch);
  if (patches > most_patches) {
    throw UsageError(
        "The input size " + dimensions_text(rows_px, cols_px) + " makes " + std::to_string(patches) + " patches",
        "at most " + std::to_string(most_patches) + " can be numbered in the files of a run",
        "Set a smaller model.input_size.");
  }
  if (image_height < 1 || image_width < 1) {
    throw InputError("An image of " + dimensions_text(image_height, image_width) + " pixels cannot be used",
                     "it has no pixel", "Remove it from the data set.");
  }
}

}  // namespace

InputGeometry::InputGeometry(int image_height, int image_width, int input_rows_px, int input_cols_px, int patch,
                             ResizeMode mode)
    : vertical_{image_height, input_rows_px, input_rows_px, 0},
      horizontal_{image_width, input_cols_px, input_cols_px, 0},
      patch_(patch) {
  check_sizes(image_height, image_width, input_rows_px, input_cols_px, patch);
  if (mode != ResizeMode::squash) fit(mode);
}

/// The side with the larger scale (crop) or the smaller one (pad) fits exactly; equal scales make both fit.
void InputGeometry::fit(ResizeMode mode) {
  const std::int64_t vertical_scale = std::int64_t{vertical_.input} * horizontal_.image;
  const std::int64_t horizontal_scale = std::int64_t{horizontal_.input} * vertical_.image;
  const bool vertical_fits = (vertical_scale > horizontal_scale) == (mode == ResizeMode::crop);
  const Side& fitted = vertical_fits ? vertical_ : horizontal_;
  Side& other = vertical_fits ? horizontal_ : vertical_;
  other.resized = std::max(1, proportional_side(fitted.input, other.image, fitted.image));
  if (mode == ResizeMode::crop) other.offset = centre_offset(other.resized, other.input);
}

Image InputGeometry::apply(const Image& image, Resample resample) const {
  if (image.height != vertical_.image || image.width != horizontal_.image) {
    throw InputError("An image has " + dimensions_text(image.height, image.width) + " pixels",
                     dimensions_text(vertical_.image, horizontal_.image) + " were expected",
                     "Keep the data set unchanged while a run uses it.");
  }
  const int height = std::min(vertical_.resized, vertical_.input);
  const int width = std::min(horizontal_.resized, horizontal_.input);
  Image resized = resize_window(image, vertical_.resized, horizontal_.resized, resample,
                                {vertical_.offset, horizontal_.offset, height, width});
  if (height == vertical_.input && width == horizontal_.input) return resized;
  Image padded(vertical_.input, horizontal_.input);
  for (int y = 0; y < height; ++y) std::copy(resized.row(y).begin(), resized.row(y).end(), padded.row(y).begin());
  return padded;
}

GridSize InputGeometry::grid() const noexcept {
  return {vertical_.input / patch_, horizontal_.input / patch_};
}

std::vector<std::uint8_t> InputGeometry::valid_patches() const {
  const GridSize size = grid();
  std::vector<std::uint8_t> valid;
  valid.reserve(static_cast<std::size_t>(size.patches()));
  for (int row = 0; row < size.rows; ++row) {
    for (int col = 0; col < size.cols; ++col) {
      valid.push_back(row * patch_ < vertical_.resized && col * patch_ < horizontal_.resized ? 1 : 0);
    }
  }
  return valid;
}

/// The centre of pixel x of the image lies at (2x + 1) / (2 image) of the resized side.
std::vector<std::int32_t> InputGeometry::Side::patch_of_image_pixel(int patch) const {
  std::vector<std::int32_t> patches(static_cast<std::size_t>(image), no_label);
  for (int x = 0; x < image; ++x) {
    const std::int64_t position = (2 * std::int64_t{x} + 1) * resized - 2 * std::int64_t{offset} * image;
    if (position < 0) continue;
    const std::int64_t index = position / (2 * std::int64_t{image} * patch);
    if (index < input / patch) patches[static_cast<std::size_t>(x)] = static_cast<std::int32_t>(index);
  }
  return patches;
}

std::vector<std::int32_t> InputGeometry::Side::patch_of_input_pixel(int patch) const {
  std::vector<std::int32_t> patches(static_cast<std::size_t>(input), no_label);
  for (int x = 0; x < std::min(resized, input); ++x) patches[static_cast<std::size_t>(x)] = x / patch;
  return patches;
}

PatchBlend InputGeometry::Side::blend_at(std::int64_t numerator, std::int64_t denominator, int patch) const {
  // From the centre of the first patch, in patches: numerator / denominator / patch - 1 / 2.
  const std::int64_t whole = 2 * denominator * patch;
  const std::int64_t position = std::max<std::int64_t>(0, 2 * numerator - denominator * patch);
  const std::int64_t last = shown(patch) - 1;
  const std::int64_t first = position / whole;
  if (first >= last) return {static_cast<std::int32_t>(last), static_cast<std::int32_t>(last), 0};
  return {static_cast<std::int32_t>(first), static_cast<std::int32_t>(first + 1),
          static_cast<float>(static_cast<double>(position - first * whole) / static_cast<double>(whole))};
}

std::vector<PatchBlend> InputGeometry::Side::blend_of_image_pixel(int patch) const {
  std::vector<PatchBlend> blends(static_cast<std::size_t>(image));
  for (int x = 0; x < image; ++x) {
    const std::int64_t position = (2 * std::int64_t{x} + 1) * resized - 2 * std::int64_t{offset} * image;
    if (position < 0 || position >= 2 * std::int64_t{image} * input) continue;
    blends[static_cast<std::size_t>(x)] = blend_at(position, 2 * std::int64_t{image}, patch);
  }
  return blends;
}

std::vector<PatchBlend> InputGeometry::Side::blend_of_input_pixel(int patch) const {
  std::vector<PatchBlend> blends(static_cast<std::size_t>(input));
  for (int x = 0; x < std::min(resized, input); ++x) {
    blends[static_cast<std::size_t>(x)] = blend_at(2 * std::int64_t{x} + 1, 2, patch);
  }
  return blends;
}

std::vector<PatchBlend> blend_lines(int pixels, int lines) {
  const InputGeometry::Side side{pixels, lines, lines, 0};
  return side.blend_of_image_pixel(1);
}

std::vector<PatchBlend> InputGeometry::Side::blend_of_patch(int patch) const {
  std::vector<PatchBlend> blends(static_cast<std::size_t>(input / patch));
  for (std::int32_t i = 0; i < shown(patch); ++i) blends[static_cast<std::size_t>(i)] = {i, i, 0};
  return blends;
}

PatchBlends InputGeometry::blend_grid() const {
  return {vertical_.blend_of_patch(patch_), horizontal_.blend_of_patch(patch_)};
}

PatchBlends InputGeometry::blend_original() const {
  return {vertical_.blend_of_image_pixel(patch_), horizontal_.blend_of_image_pixel(patch_)};
}

PatchBlends InputGeometry::blend_input() const {
  return {vertical_.blend_of_input_pixel(patch_), horizontal_.blend_of_input_pixel(patch_)};
}

LabelMap InputGeometry::spread(std::span<const std::int32_t> patch_labels, const std::vector<std::int32_t>& patch_rows,
                               const std::vector<std::int32_t>& patch_cols) const {
  const GridSize size = grid();
  if (patch_labels.size() != static_cast<std::size_t>(size.patches())) {
    throw InputError("There are " + std::to_string(patch_labels.size()) + " patch labels",
                     "the grid has " + dimensions_text(size.rows, size.cols) + " patches",
                     "Use labels that were made with the same model.input_size and patch size.");
  }
  LabelMap map(static_cast<int>(patch_rows.size()), static_cast<int>(patch_cols.size()));
  std::vector<std::int32_t> line(patch_cols.size(), no_label);
  std::int32_t row_in_line = no_label;
  auto to = map.labels.begin();
  for (const std::int32_t row : patch_rows) {
    if (row != row_in_line) {  // a patch spans several rows of pixels, which are all alike
      for (std::size_t x = 0; x < line.size(); ++x) {
        const bool outside = row == no_label || patch_cols[x] == no_label;
        line[x] = outside ? no_label : patch_labels[static_cast<std::size_t>(row * size.cols + patch_cols[x])];
      }
      row_in_line = row;
    }
    to = std::copy(line.begin(), line.end(), to);
  }
  return map;
}

LabelMap InputGeometry::to_original(std::span<const std::int32_t> patch_labels) const {
  return spread(patch_labels, vertical_.patch_of_image_pixel(patch_), horizontal_.patch_of_image_pixel(patch_));
}

LabelMap InputGeometry::to_input(std::span<const std::int32_t> patch_labels) const {
  return spread(patch_labels, vertical_.patch_of_input_pixel(patch_), horizontal_.patch_of_input_pixel(patch_));
}

}  // namespace datus
