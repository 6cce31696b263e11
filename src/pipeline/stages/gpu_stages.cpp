// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/gpu_stages.hpp"

#include "pipeline/inputs/options_of_config.hpp"
#include "pipeline/stages/segment_gpu.hpp"
#include "pipeline/stages/smoothing_gpu.hpp"

namespace datus {
namespace {

/// Otherwise descriptors are made of embeddings that are there.
bool model_describes(const Config& config) {
  return !traits_of(config.descriptor.kind).reads_keys;
}

}  // namespace

bool uses_gpu(Stage stage, const Config& config) {
  switch (stage) {
    case Stage::extract:
      return !refuses_gpu(config.model.device);
    case Stage::segment:
      return !refuses_gpu(config.model.device) && SegmentGpu::takes(config);
    case Stage::describe:
      return !refuses_gpu(config.model.device) && (model_describes(config) || SmoothingGpu::describes(config));
    case Stage::cluster:
      return !refuses_gpu(config.cluster.device);
    case Stage::mask:
      return !refuses_gpu(config.model.device) && SmoothingGpu::masks(config);
    case Stage::evaluate:
      break;
  }
  return false;
}

bool asks_for_gpu(Stage stage, const Config& config) {
  const bool only_smoothes = stage == Stage::mask || (stage == Stage::describe && !model_describes(config));
  return uses_gpu(stage, config) && !only_smoothes;
}

bool keeps_keys_on_gpu(const Config& config) {
  return (SegmentGpu::takes(config) || SmoothingGpu::describes(config)) && !config.model.flip &&
         !needs_dataset_mean(config);
}

}  // namespace datus
