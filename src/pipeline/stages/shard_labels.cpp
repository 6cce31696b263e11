// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/shard_labels.hpp"

#include "datus/core/error.hpp"
#include "datus/core/parallel.hpp"
#include "datus/core/spare_objects.hpp"
#include "datus/io/image_reader.hpp"
#include "pipeline/files/keys_file.hpp"
#include "pipeline/files/segments_file.hpp"
#include "pipeline/files/verified_file.hpp"
#include "pipeline/inputs/input_preparation.hpp"
#include "pipeline/inputs/options_of_config.hpp"
#include "pipeline/stages/dense_labels.hpp"
#include "pipeline/stages/embeddings_by_image.hpp"

#include <memory>
#include <span>
#include <string>
#include <utility>

namespace datus {
namespace {

/// Images of which each is made from what is there, by `make_maps`, which gets its place.
template <class MakeMaps>
ShardLabels each_by_itself(std::vector<std::int64_t> images, const MakeMaps& make_maps) {
  const std::int64_t count = std::ssize(images);
  return {std::move(images), [=](int threads, const ShardLabels::Visit& visit) {
            parallel_for(count, threads, [&](std::int64_t i) {
              const auto place = static_cast<std::size_t>(i);
              visit(place, [&](ImageSize size, const ShardLabels::TakeMap& take) { make_maps(place, size, take); });
            });
          }};
}

/// Each patch has the cluster of its segment.
ShardLabels labels_of_segments(const RunContext& run, int k, ShardIndex shard, const AssignmentFile& assignment) {
  const auto segments = std::make_shared<const SegmentsFile>(
      read_segments(run.directory.segments(shard), run.provenance.of(Stage::segment).of_shard(shard)));
  const InputPreparation preparation(run.config.model, run.config.model.input_size.rows / segments->grid.rows,
                                     Resample::bicubic);
  const auto clusters = assignment.of_shard(shard);
  if (std::ssize(clusters) != segments->offset.back()) {
    throw InputError(
        "The clusters for K = " + std::to_string(k) + " do not fit shard " + std::to_string(shard.value),
        "they name " + std::to_string(clusters.size()) + " segments of " + std::to_string(segments->offset.back()),
        "Delete " + run.directory.assignment(k).string() + " and run again.");
  }
  return each_by_itself(
      segments->images.image, [=, &run](std::size_t index, ImageSize size, const ShardLabels::TakeMap& take) {
        const auto patches = static_cast<std::size_t>(segments->grid.patches());
        const auto first = static_cast<std::size_t>(segments->offset[index]);
        const auto count = static_cast<std::size_t>(segments->offset[index + 1]) - first;
        const auto labels = cluster_of_patches(std::span(segments->segment).subspan(index * patches, patches),
                                               clusters.subspan(first, count));
        take(k, mask_of_patches(labels, preparation, size, run.config.mask.resolution));
      });
}

/// Each pixel has the cluster that is most similar to the embeddings around it.
ShardLabels labels_of_embeddings(const RunContext& run, const std::vector<int>& of_clusters, ShardIndex shard,
                                 const std::map<int, DenseClusters>& clusters, SmoothingGpu* gpu) {
  const auto keys = std::make_shared<const KeysFile>(
      read_keys(run.directory.keys(shard), run.provenance.of(Stage::extract).of_shard(shard)));
  for (const int k : of_clusters) {
    if (keys->dim == clusters.at(k).dim) continue;
    throw InputError("The clusters have " + std::to_string(clusters.at(k).dim) + " values, the embeddings in " +
                         run.directory.keys(shard).string() + " " + std::to_string(keys->dim),
                     "they come from another model", "Run all stages again.");
  }
  const InputPreparation preparation(run.config.model, run.config.model.input_size.rows / keys->grid.rows,
                                     Resample::bicubic);
  std::vector<const DenseClusters*> clusterings;
  for (const int k : of_clusters) clusterings.push_back(&clusters.at(k));
  const auto masks = std::make_shared<SpareObjects<DenseMasks>>(
      [=, &run] { return DenseMasks(run.config, preparation, clusterings, keys->dim); });
  const auto make = [=, &run](std::size_t index, std::span<const float> embeddings, ImageSize size,
                              const ShardLabels::TakeMap& take) {
    auto of_image = masks->take();
    of_image.make(
        embeddings, size, [&] { return read_image(run.image_path(keys->images.image[index]), run.orientation()); },
        [&](std::size_t i, const LabelMap& labels) { take(of_clusters[i], labels); });
    masks->give_back(std::move(of_image));
  };
  return {keys->images.image, [=, &run](int threads, const ShardLabels::Visit& visit) {
            for_each_compared(*keys, run.config.descriptor.smoothing, {threads, gpu},
                              [&](std::size_t index, std::span<const float> embeddings) {
                                visit(index, [&](ImageSize size, const ShardLabels::TakeMap& take) {
                                  make(index, embeddings, size, take);
                                });
                              });
          }};
}

}  // namespace

void MaskClusters::read(const RunContext& run, int k) {
  const StageProvenance made_from = run.provenance.of(Stage::cluster, k);
  if (has_dense_labels(run.config.mask)) {
    of_embeddings_.emplace(k, read_dense_clusters(open_verified(run.directory.centroids(k), made_from), ""));
  } else {
    of_segments_.emplace(k, read_assignment(run.directory.assignment(k), made_from));
  }
}

ShardLabels MaskClusters::labels(const RunContext& run, const std::vector<int>& of_clusters, ShardIndex shard,
                                 SmoothingGpu* gpu) const {
  if (has_dense_labels(run.config.mask)) return labels_of_embeddings(run, of_clusters, shard, of_embeddings_, gpu);
  const int k = of_clusters.front();
  return labels_of_segments(run, k, shard, of_segments_.at(k));
}

ShardLabels labels_of_masks(const MaskStore& store, int k, ShardIndex shard) {
  const std::shared_ptr<const ShardMasks> masks = store.open(k, shard);
  return each_by_itself(masks->images(), [=](std::size_t index, ImageSize, const ShardLabels::TakeMap& take) {
    take(k, widened(masks->read(masks->images()[index])));
  });
}

}  // namespace datus
