// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"
#include "datus/core/types.hpp"
#include "pipeline/files/cluster_files.hpp"
#include "pipeline/files/mask_store.hpp"
#include "pipeline/session/run_context.hpp"
#include "pipeline/stages/mask_output.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

namespace datus {

/// What the images of a shard are labelled with.
struct ShardLabels {
  using TakeMap = std::function<void(int k, const LabelMap&)>;

  std::vector<std::int64_t> images;  ///< index in the list
  /// Makes the map of each K of the image at that place in `images`, one after the other, from any thread.
  std::function<void(std::size_t, ImageSize, const TakeMap&)> make_maps;
};

/// What segments or embeddings of a run are labelled by, for each K.
class MaskClusters {
 public:
  /// Throws `InputError` when the clusters of K are not there, or not of this run.
  void read(const RunContext& run, int k);
  /// The labels of a shard for some of the K that were read: with mask.labels: segment one. Run and clusters must
  /// outlive them. Throws `InputError` for segments or embeddings that are not there, or do not fit the clusters.
  [[nodiscard]] ShardLabels labels(const RunContext& run, const std::vector<int>& of_clusters, ShardIndex shard) const;

 private:
  std::map<int, AssignmentFile> of_segments_;
  std::map<int, DenseClusters> of_embeddings_;
};

/// Each pixel has the label that it has in masks that are there. Throws as `MaskStore::open` does.
[[nodiscard]] ShardLabels labels_of_masks(const MaskStore& store, int k, ShardIndex shard);

}  // namespace datus
