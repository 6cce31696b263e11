// SPDX-License-Identifier: Apache-2.0
#include "config/preset.hpp"

#include <utility>

namespace datus {

std::span<const Preset> presets() {
  static const std::vector<Preset> list = {
      {"paper", "The method of the paper: Louvain's segments, described by the CLS of their crops.", {}},
      {"best",
       "What measures best: segments of the soft graph, described by smoothed embeddings; the tree over fine clusters "
       "on "
       "which eight starts agree; and a label for every pixel. Taken by a configuration file that names no preset, no "
       "key of affinity, "
       "segment, descriptor and mask (but `mask.formats`), and no `cluster.init`.",
       {"model.input_size=448", "affinity.metric=cosine", "affinity.center=dataset", "affinity.weights=soft",
        "affinity.temperature=0.05", "segment.min_patches=2", "descriptor.kind=mean_key", "descriptor.smoothing=0.05",
        "cluster.fine=300", "cluster.restarts=8", "mask.labels=dense", "mask.refine=guided"}},
      {"patch-kmeans",
       "The baseline of the peers: k-means on patches, without segments.",
       {"segment.method=none", "descriptor.kind=mean_key"}},
  };
  return list;
}

CodecOf<std::string> preset_name() {
  std::vector<std::string> names;
  for (const Preset& preset : presets()) names.push_back(preset.name);
  return one_of(std::move(names));
}

}  // namespace datus
