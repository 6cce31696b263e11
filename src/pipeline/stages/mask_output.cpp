// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/mask_output.hpp"

#include <cstddef>
#include <utility>

namespace datus {
namespace {

LabelMap dense_map(const std::vector<float>& similarities, int clusters, const InputPreparation& preparation,
                   ImageSize size, MaskConfig::Resolution resolution) {
  const auto geometry = preparation.geometry(size.height, size.width);
  const GridSize grid = preparation.grid();
  switch (resolution) {
    case MaskConfig::Resolution::original:
      return most_similar(similarities, grid, clusters, geometry.blend_original());
    case MaskConfig::Resolution::input:
      return most_similar(similarities, grid, clusters, geometry.blend_input());
    case MaskConfig::Resolution::grid:
      break;
  }
  return most_similar(similarities, grid, clusters, geometry.blend_grid());
}

}  // namespace

std::vector<std::int32_t> cluster_of_patches(std::span<const std::int16_t> segment_map,
                                             std::span<const std::int32_t> clusters) {
  std::vector<std::int32_t> labels(segment_map.size(), no_label);
  for (std::size_t i = 0; i < segment_map.size(); ++i) {
    if (segment_map[i] >= 0) labels[i] = clusters[static_cast<std::size_t>(segment_map[i])];
  }
  return labels;
}

LabelMap mask_of_patches(const std::vector<std::int32_t>& labels, const InputPreparation& preparation, ImageSize size,
                         MaskConfig::Resolution resolution) {
  const auto geometry = preparation.geometry(size.height, size.width);
  switch (resolution) {
    case MaskConfig::Resolution::original:
      return geometry.to_original(labels);
    case MaskConfig::Resolution::input:
      return geometry.to_input(labels);
    case MaskConfig::Resolution::grid:
      break;
  }
  LabelMap map(preparation.grid().rows, preparation.grid().cols);
  map.labels = labels;
  return map;
}

DenseMasks::DenseMasks(const Config& config, InputPreparation preparation)
    : smoothing_(config.descriptor.smoothing), config_(config.mask), preparation_(std::move(preparation)) {
  if (has_refinement(config_)) refined_.emplace(preparation_, config_.refine);
}

void DenseMasks::look_at(std::span<const float> embeddings, int dim, std::span<const std::uint8_t> valid,
                         ImageSize size, const std::function<Image()>& read_image) {
  compared_ = compared_embeddings(embeddings, dim, smoothing_, valid);
  size_ = size;
  if (refined_) refined_->look_at(read_image());
}

LabelMap DenseMasks::mask(const DenseClusters& clusters) {
  const auto similarities = dense_similarities(clusters, compared_);
  if (refined_) return refined_->labels(similarities, clusters.clusters);
  return dense_map(similarities, clusters.clusters, preparation_, size_, config_.resolution);
}

}  // namespace datus
