// SPDX-License-Identifier: Apache-2.0
#include "datus/core/gpu.hpp"

namespace datus {

bool built_with_cuda() noexcept {
  return false;
}

GpuSurvey survey_gpus() {
  return {.gpus = {},
          .problem = "this build has no CUDA (DATUS_CUDA=OFF)",
          .advice =
              "Start a build with CUDA (DATUS_CUDA=ON, docs/gpu.md; in Slurm datus_program in slurm/site.sh: "
              "build/cuda/datus; in a container with --nv).",
          .versions = {}};
}

}  // namespace datus
