// SPDX-License-Identifier: Apache-2.0
#include "datus/core/gpu.hpp"

namespace datus {

bool built_with_cuda() noexcept {
  return false;
}

GpuSurvey survey_gpus() {
  return {.gpus = {},
          .problem = "this build has no CUDA (DATUS_CUDA=OFF)",
          .advice = "Build with DATUS_CUDA=ON (docs/gpu.md).",
          .versions = {}};
}

}  // namespace datus
