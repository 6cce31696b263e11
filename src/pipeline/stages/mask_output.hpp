// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/similarity.hpp"
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

/// Makes the masks that mask.labels: dense asks for, of one image after the other, for some clusterings. For one thread
/// at a time.
class DenseMasks {
 public:
  /// All clusterings are of embeddings of `dim` values. Throws as `ClusterSimilarities` does.
  DenseMasks(const Config& config, InputPreparation preparation, std::span<const DenseClusters* const> clusterings,
             int dim);

  /// Of an image with embeddings [P, dim] as `compared_embeddings` has them; where masks are refined, `read_image`
  /// reads the image itself. `take` is given the mask of each clustering, in their order. Throws as `RefinedLabels`
  /// does.
  void make(std::span<const float> embeddings, ImageSize size, const std::function<Image()>& read_image,
            const TakeLabels& take);

 private:
  MaskConfig config_;
  InputPreparation preparation_;
  std::optional<RefinedLabels> refined_;
  ClusterSimilarities similarities_;
  std::vector<int> clusters_;  ///< of each clustering
};

}  // namespace datus
