// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/config/config.hpp"
#include "datus/model/vision_transformer.hpp"

#include <optional>
#include <string>

namespace datus {

/// Where a model runs on this rank, and how.
struct ModelPlacement {
  std::optional<int> gpu;  ///< as CUDA counts them; nothing: the CPU
  Precision precision = Precision::float32;
  int batch_size = 1;
};

/// Decides by model.device, model.precision and what this rank sees: a GPU where there is one, and ranks that outnumber
/// the GPUs of their node share them. Where `auto` takes the CPU although this build has CUDA, or ranks share, a line
/// of the first rank says so. Not collective. Throws `UsageError` when `cuda` is asked for and there is none, where
/// Slurm gave GPUs that `auto` cannot use, and for a precision that the device does not have.
[[nodiscard]] ModelPlacement place_model(const ModelConfig& config, const Communicator& comm);

/// Throws `UsageError` where Slurm gave GPUs to the job, a stage of this configuration would take one (`auto`), and
/// none can be used: they would stand idle. Not collective.
void refuse_idle_gpus(const Config& config, const Communicator& comm);

/// The backend that the model's bits depend on, as the run records it.
[[nodiscard]] std::string backend_of(const ModelPlacement& placement);

/// The backend of a run whose batches were halved because they did not fit the memory of the GPU.
[[nodiscard]] std::string with_halved_batches(const std::string& backend, int batch_size);

/// Half of a batch, as it is tried where the whole does not fit.
[[nodiscard]] constexpr int halved(int batch_size) noexcept {
  return batch_size > 1 ? batch_size / 2 : 1;
}

}  // namespace datus
