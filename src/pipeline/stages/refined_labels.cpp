#include "pipeline/stages/refined_labels.hpp"

#include "datus/algo/dense_crf.hpp"
#include "datus/algo/guided_filter.hpp"
#include "datus/model/resize.hpp"
#include "pipeline/stages/dense_labels.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

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

LabelMap refined_labels(std::span<const float> similarities, int clusters, const InputPreparation& preparation,
                        const Image& image, MaskConfig::Refine refine) {
  constexpr float sharpness = 20.0F;
  const GridSize grid = preparation.grid();
  const std::int64_t input_pixels = std::int64_t{grid.patches()} * preparation.patch() * preparation.patch();
  const Image small = at_most(image, input_pixels);
  const auto blends = preparation.geometry(small.height, small.width).blend_original();
  std::vector<float> values;
  switch (refine) {
    case MaskConfig::Refine::none:
      break;
    case MaskConfig::Refine::crf:
      values = pixel_values(similarities, grid, clusters, blends, sharpness);
      DenseCrf().refine(small, values, clusters);
      break;
    case MaskConfig::Refine::guided:
      values = pixel_values(similarities, grid, clusters, blends, 1.0F);
      guided_filter(small, values, clusters);
      break;
  }
  const auto original = preparation.geometry(image.height, image.width).blend_original();
  if (values.empty()) return most_similar(similarities, grid, clusters, original);
  const PatchBlends up{blend_lines(image.height, small.height), blend_lines(image.width, small.width)};
  LabelMap labels = most_similar(values, {small.height, small.width}, clusters, up);
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      const bool is_shown = original.rows[static_cast<std::size_t>(y)].first >= 0 &&
                            original.cols[static_cast<std::size_t>(x)].first >= 0;
      if (!is_shown) labels.labels[static_cast<std::size_t>(y * image.width + x)] = no_label;
    }
  }
  return labels;
}

}  // namespace datus
