// SPDX-License-Identifier: Apache-2.0
#include "datus/core/error.hpp"
#include "datus/core/gpu.hpp"
#include "model/torch/cuda/math_modes.hpp"
#include "model/torch/cuda/torch_gpu.hpp"
#include "model/torch/torch_backend.hpp"

#include <algorithm>

#include <torch/version.h>

namespace datus {

std::string backend_of_gpu(int gpu, Precision precision) {
  const GpuSurvey survey = survey_gpus();
  const auto found = std::ranges::find(survey.gpus, gpu, &Gpu::index);
  if (found == survey.gpus.end()) {
    throw SystemError("There is no GPU " + std::to_string(gpu),
                      survey.problem.empty() ? "it is not visible" : survey.problem,
                      "Set model.device: cpu, or run where there is one.");
  }
  return "cuda " + found->name + ", compute capability " + std::to_string(found->compute_major) + "." +
         std::to_string(found->compute_minor) + ", LibTorch " + TORCH_VERSION + ", " + survey.versions + ", " +
         torch_gpu::library_versions() + ", " + to_string(precision) + ", " + math_modes_text();
}

}  // namespace datus
