// SPDX-License-Identifier: Apache-2.0
#include "pipeline/backbone/model_placement.hpp"

#include "datus/comm/gpu_choice.hpp"
#include "datus/core/error.hpp"
#include "datus/core/gpu.hpp"
#include "datus/core/log.hpp"
#include "datus/model/backend.hpp"
#include "pipeline/inputs/options_of_config.hpp"

namespace datus {
namespace {

Precision precision_on(const ModelConfig& config, bool on_gpu) {
  if (config.precision) return precision_of(*config.precision);
  return on_gpu ? Precision::bfloat16 : Precision::float32;
}

void require_precision(Precision precision, const std::string& why_cpu) {
  if (precision == Precision::float32) return;
  throw UsageError(std::string("model.precision: ") + to_string(precision) + " needs a GPU", why_cpu,
                   "Set model.precision: auto or float32, or run where there is a GPU.");
}

}  // namespace

ModelPlacement place_model(const ModelConfig& config, const Communicator& comm) {
  ModelPlacement placement;
  placement.batch_size = config.batch_size;
  std::string why_cpu = "the model runs on the CPU (model.device: cpu)";
  if (!refuses_gpu(config.device)) {
    const GpuSurvey survey = survey_gpus();
    const GpuChoice choice = choose_gpu(comm, survey, true);
    if (requires_gpu(config.device)) (void)required_gpu(choice, "model.device: cuda");
    if (choice.gpu) {
      placement.gpu = choice.gpu->index;
      if (!survey.left_out.empty() && comm.rank() == 0) log::info("not used: " + survey.left_out);
      if (choice.shared && comm.rank() == 0) log::info("ranks share GPUs: there are fewer than ranks on this node");
    } else {
      refuse_idle_gpus(choice, granted_gpus(), "model.device: cpu");
      why_cpu = "the model runs on the CPU: " + choice.problem;
      if (built_with_cuda() && comm.rank() == 0) {
        log::info("model.device: auto takes the CPU: " + choice.problem + ". " + choice.advice +
                  " model.device: cpu is the choice without this line.");
      }
    }
  }
  placement.precision = precision_on(config, placement.gpu.has_value());
  if (!placement.gpu) require_precision(placement.precision, why_cpu);
  return placement;
}

void refuse_idle_gpus(const Config& config, const Communicator& comm) {
  // One that is asked for and not there is an error of its own.
  if (requires_gpu(config.model.device) || requires_gpu(config.cluster.device)) return;
  const std::string settings = settings_without_gpus(config);
  const std::string granted = granted_gpus();
  if (!settings.empty() && !granted.empty()) {
    refuse_idle_gpus(choose_gpu(comm, survey_gpus(), true), granted, settings);
  }
}

std::string backend_of(const ModelPlacement& placement) {
  return placement.gpu ? gpu_backend(*placement.gpu, placement.precision) : torch_backend();
}

std::string with_halved_batches(const std::string& backend, int batch_size) {
  return backend + ", batches of " + std::to_string(batch_size) + " for want of memory";
}

}  // namespace datus
