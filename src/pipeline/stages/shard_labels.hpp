// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"
#include "datus/core/types.hpp"
#include "pipeline/files/cluster_files.hpp"
#include "pipeline/files/mask_store.hpp"
#include "pipeline/session/run_context.hpp"
#include "pipeline/stages/mask_output.hpp"
#include "pipeline/stages/smoothing_gpu.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

namespace datus {

/// What the images of a shard are labelled with.
struct ShardLabels {
  using TakeMap = std::function<void(int k, const LabelMap&)>;

  /// Makes the map of each K of an image, one after the other.
  using MakeMaps = std::function<void(ImageSize, const TakeMap&)>;
  using Visit = std::function<void(std::size_t place, const MakeMaps& make_maps)>;

  std::vector<std::int64_t> images;  ///< index in the list
  /// Calls visit(place in `images`, what makes its maps) for each image, on so many threads.
  std::function<void(int threads, const Visit& visit)> for_each;
};

/// What segments or embeddings of a run are labelled by, for each K.
class MaskClusters {
 public:
  /// Throws `InputError` when the clusters of K are not there, or not of this run.
  void read(const RunContext& run, int k);
  /// The labels of a shard for some of the K that were read: with mask.labels: segment one. Run and clusters must
  /// outlive them. Embeddings are smoothed on a `gpu`, where there is one, with the same result. Throws `InputError`
  /// for segments or embeddings that are not there, or do not fit the clusters.
  [[nodiscard]] ShardLabels labels(const RunContext& run, const std::vector<int>& of_clusters, ShardIndex shard,
                                   SmoothingGpu* gpu) const;

 private:
  std::map<int, AssignmentFile> of_segments_;
  std::map<int, DenseClusters> of_embeddings_;
};

/// Each pixel has the label that it has in masks that are there. Throws as `MaskStore::open` does.
[[nodiscard]] ShardLabels labels_of_masks(const MaskStore& store, int k, ShardIndex shard);

}  // namespace datus
