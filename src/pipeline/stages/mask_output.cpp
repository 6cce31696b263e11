// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/mask_output.hpp"

#include "datus/core/error.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/mask_file.hpp"
#include "pipeline/files/mask_record.hpp"

#include <cstddef>
#include <utility>

namespace datus {
namespace {

namespace fs = std::filesystem;

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

void write_mask_files(const fs::path& root, const std::string& name, const LabelMap& labels, int clusters,
                      const Palette& palette, const WriteOptions& options) {
  const fs::path path = root / name;
  make_folders(path.parent_path());
  AtomicFile file(path, options);
  write_mask(file.path(), labels, clusters, palette);
  file.commit([&](const fs::path& written) {
    if (read_mask(written).labels != labels.labels) {
      throw SystemError("Mask " + path.string() + " does not read back as written", "the disk altered it",
                        "Check the file system, then run again.");
    }
  });
  if (!needs_preview(clusters)) return;
  const fs::path preview_path = preview_folder(root) / name;
  make_folders(preview_path.parent_path());
  AtomicFile preview(preview_path, options);
  write_mask_preview(preview.path(), labels, palette);
  preview.commit();
}

}  // namespace datus
