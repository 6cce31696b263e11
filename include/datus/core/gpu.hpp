// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/error.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace datus {

/// Whether this build has CUDA and NCCL (the CMake option DATUS_CUDA).
[[nodiscard]] bool built_with_cuda() noexcept;

/// One GPU that this process may use.
struct Gpu {
  int index = 0;  ///< as the CUDA runtime counts them: CUDA_VISIBLE_DEVICES and Slurm hide the others
  std::string name;
  std::string uuid;         ///< "GPU-…": the same card has it in every process
  std::string bus_id = {};  ///< "0000:17:00.0": instances (MIG) of one card have the same
  std::int64_t memory_bytes = 0;
  int compute_major = 0;  ///< compute capability
  int compute_minor = 0;
  int multiprocessors = 0;
};

/// The GPUs of this process that this build has code for, or why there are none.
struct GpuSurvey {
  std::vector<Gpu> gpus;
  /// Why others are not among them, card by card; empty where there are no others.
  std::string left_out = {};
  /// Empty when there are some: "this build has no CUDA", "no driver", "no card", …
  std::string problem;
  /// What to do about it; empty when there are some.
  std::string advice = {};
  /// Versions of driver and runtime, "driver 13.0, runtime 13.0"; empty where there is no driver.
  std::string versions;
};

/// Asks the driver. Never throws for want of a driver or a card. Not collective.
[[nodiscard]] GpuSurvey survey_gpus();

/// The GPU has no memory left for what was asked of it.
class DeviceMemoryError : public SystemError {
 public:
  using SystemError::SystemError;
};

}  // namespace datus
