// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/refined_labels.hpp"

#include "datus/model/resize.hpp"
#include "pipeline/stages/dense_labels.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace datus {
namespace {

/// The image, or a smaller one of the same shape with at most about `most` pixels.
Image at_most(const Image& image, std::int64_t most) {
  const std::int64_t pixels = std::int64_t{image.height} * image.width;
  if (pixels <= most) return image;
  const double scale = std::sqrt(static_cast<double>(most) / static_cast<double>(pixels));
  const auto side = [&](int length) { return std::max(1, static_cast<int>(std::lround(scale * length))); };
  return resize_image(image, side(image.height), side(image.width), Resample::bilinear);
}

}  // namespace

RefinedLabels::RefinedLabels(InputPreparation preparation, MaskConfig::Refine refine)
    : preparation_(std::move(preparation)) {
  switch (refine) {
    case MaskConfig::Refine::none:
      break;
    case MaskConfig::Refine::crf:
      method_.emplace<DenseCrf>();
      break;
    case MaskConfig::Refine::guided:
      method_.emplace<GuidedFilter>();
      break;
  }
}

void RefinedLabels::look_at(const Image& image) {
  height_ = image.height;
  width_ = image.width;
  const Image small =
      at_most(image, std::int64_t{preparation_.grid().patches()} * preparation_.patch() * preparation_.patch());
  small_height_ = small.height;
  small_width_ = small.width;
  std::visit(
      [&]<class Method>(Method& method) {
        if constexpr (!std::is_same_v<Method, std::monostate>) method.look_at(small);
      },
      method_);
}

LabelMap RefinedLabels::labels(std::span<const float> similarities, int clusters) {
  const GridSize grid = preparation_.grid();
  const PatchBlends original = preparation_.geometry(height_, width_).blend_original();
  if (std::holds_alternative<std::monostate>(method_)) return most_similar(similarities, grid, clusters, original);
  const PatchBlends down = preparation_.geometry(small_height_, small_width_).blend_original();
  LargestClasses largest(height_, width_, small_height_, small_width_);
  const auto refine = [&](auto& method, float scale) {
    method.refine(
        clusters,
        [&](int first, int count, std::size_t pixel, std::span<float> values) {
          give_pixels(similarities, grid, clusters, down, scale, first, count, pixel, values);
        },
        [&](int first, int count, std::size_t pixel, std::span<const float> values) {
          largest.add(first, count, pixel, values);
        });
  };
  constexpr float sharpness = 20.0F;
  if (auto* const crf = std::get_if<DenseCrf>(&method_)) refine(*crf, sharpness);
  if (auto* const guided = std::get_if<GuidedFilter>(&method_)) refine(*guided, 1.0F);
  LabelMap labels = std::move(largest).map();
  for (int y = 0; y < height_; ++y) {
    for (int x = 0; x < width_; ++x) {
      const bool is_shown = original.rows[static_cast<std::size_t>(y)].first >= 0 &&
                            original.cols[static_cast<std::size_t>(x)].first >= 0;
      if (!is_shown) labels.labels[static_cast<std::size_t>(y * width_ + x)] = no_label;
    }
  }
  return labels;
}

std::int64_t refining_bytes_per_pixel(MaskConfig::Refine refine, int clusters) {
  constexpr std::int64_t group_bytes = class_group_size * sizeof(float);
  switch (refine) {
    case MaskConfig::Refine::none:
      return 0;
    case MaskConfig::Refine::crf: {
      constexpr std::int64_t lattices = 200;
      return 2 * group_bytes * ((clusters + class_group_size - 1) / class_group_size) + lattices;
    }
    case MaskConfig::Refine::guided:
      break;
  }
  constexpr std::int64_t cells = 72;  // rows of pixels are few
  return cells;
}

}  // namespace datus
