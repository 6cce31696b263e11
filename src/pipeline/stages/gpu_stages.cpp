// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/gpu_stages.hpp"

#include "pipeline/inputs/options_of_config.hpp"
#include "pipeline/stages/segment_gpu.hpp"

namespace datus {

bool uses_gpu(Stage stage, const Config& config) {
  switch (stage) {
    case Stage::extract:
      return !refuses_gpu(config.model.device);
    case Stage::segment:
      return !refuses_gpu(config.model.device) && SegmentGpu::takes(config);
    case Stage::describe:
      // Otherwise the model sees nothing: descriptors are made of embeddings that are there.
      return !refuses_gpu(config.model.device) && !traits_of(config.descriptor.kind).reads_keys;
    case Stage::cluster:
      return !refuses_gpu(config.cluster.device);
    case Stage::mask:
    case Stage::evaluate:
      break;
  }
  return false;
}

}  // namespace datus
