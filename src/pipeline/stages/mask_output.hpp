// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"
#include "datus/core/image.hpp"
#include "pipeline/inputs/input_preparation.hpp"
#include "pipeline/stages/dense_labels.hpp"
#include "pipeline/stages/refined_labels.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace datus {

/// Size of an original image in pixels.
struct ImageSize {
  int height;
  int width;
};

/// Cluster of each patch: that of its segment, -1 for patches of no valid segment. `segment_map` [P] are ids within the
/// image, `clusters` [segments of the image] their clusters.
[[nodiscard]] std::vector<std::int32_t> cluster_of_patches(std::span<const std::int16_t> segment_map,
                                                           std::span<const std::int32_t> clusters);

/// Labels of patches [P] at the resolution of the masks, for an image of that size.
[[nodiscard]] LabelMap mask_of_patches(const std::vector<std::int32_t>& labels, const InputPreparation& preparation,
                                       ImageSize size, MaskConfig::Resolution resolution);

/// Makes the masks that mask.labels: dense asks for, of one image after the other, for any number of clusterings. For
/// one thread at a time.
class DenseMasks {
 public:
  DenseMasks(const Config& config, InputPreparation preparation);

  /// Makes what depends on the image alone: its embeddings [P, dim] as they are compared, `valid` [P] or empty, and
  /// where masks are refined the image, which `read_image` reads. Throws as `compared_embeddings` and `RefinedLabels`
  /// do.
  void look_at(std::span<const float> embeddings, int dim, std::span<const std::uint8_t> valid, ImageSize size,
               const std::function<Image()>& read_image);

  /// Of that image. Throws as `dense_similarities` and `RefinedLabels` do.
  [[nodiscard]] LabelMap mask(const DenseClusters& clusters);

 private:
  std::optional<double> smoothing_;
  MaskConfig config_;
  InputPreparation preparation_;
  std::optional<RefinedLabels> refined_;
  std::vector<float> compared_;
  ImageSize size_{};
};

}  // namespace datus
