#pragma once

#include "datus/config/config.hpp"
#include "datus/core/image.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/palette.hpp"
#include "pipeline/inputs/input_preparation.hpp"
#include "pipeline/stages/dense_labels.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
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

/// The mask that mask.labels: dense asks for, from the embeddings of an image [P, dim]; `valid` [P] or empty.
/// `read_image` is called where the mask is refined. Throws as `dense_similarities` and `refined_labels` do.
[[nodiscard]] LabelMap mask_of_embeddings(const DenseClusters& clusters, std::span<const float> embeddings,
                                          std::span<const std::uint8_t> valid, const Config& config,
                                          const InputPreparation& preparation, ImageSize size,
                                          const std::function<Image()>& read_image);

/// Writes the mask ROOT/NAME.png and, where an image viewer would show black, its colours as ROOT-preview/NAME.png.
void write_mask_files(const std::filesystem::path& root, const std::string& name, const LabelMap& labels, int clusters,
                      const Palette& palette, const WriteOptions& options);

}  // namespace datus
