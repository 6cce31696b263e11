// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/mask_output.hpp"

#include <cstddef>
#include <numeric>
#include <utility>

namespace datus {
namespace {

PatchBlends blends_of(const InputGeometry& geometry, MaskConfig::Resolution resolution) {
  switch (resolution) {
    case MaskConfig::Resolution::original:
      return geometry.blend_original();
    case MaskConfig::Resolution::input:
      return geometry.blend_input();
    case MaskConfig::Resolution::grid:
      break;
  }
  return geometry.blend_grid();
}

ClusterSimilarities similarities_to(std::span<const DenseClusters* const> clusterings, int dim) {
  std::vector<ClusterCentroids> centroids;
  for (const DenseClusters* const one : clusterings)
    centroids.push_back({.centroids = one->centroids, .cluster = one->cluster, .clusters = one->clusters});
  return {centroids, dim};
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

DenseMasks::DenseMasks(const Config& config, InputPreparation preparation,
                       std::span<const DenseClusters* const> clusterings, int dim)
    : config_(config.mask), preparation_(std::move(preparation)), similarities_(similarities_to(clusterings, dim)) {
  if (has_refinement(config_)) refined_.emplace(preparation_, config_.refine);
  for (const DenseClusters* const one : clusterings) clusters_.push_back(one->clusters);
}

void DenseMasks::make(std::span<const float> embeddings, ImageSize size, const std::function<Image()>& read_image,
                      const TakeLabels& take) {
  const auto similarities = similarities_.of(embeddings);
  if (refined_) {
    refined_->look_at(read_image());
    return refined_->labels(similarities, clusters_, take);
  }
  const PatchBlends blends = blends_of(preparation_.geometry(size.height, size.width), config_.resolution);
  const int all = std::accumulate(clusters_.begin(), clusters_.end(), 0);
  int first = 0;
  for (std::size_t i = 0; i < clusters_.size(); first += clusters_[i++]) {
    take(i, most_similar({similarities, preparation_.grid(), all, first, clusters_[i]}, blends));
  }
}

}  // namespace datus
