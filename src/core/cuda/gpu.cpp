// SPDX-License-Identifier: Apache-2.0
#include "datus/core/gpu.hpp"

#include "core/cuda/compiled_code.hpp"
#include "datus/core/cuda/check.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace datus {
namespace {

/// 16 bytes as nvidia-smi writes them.
std::string uuid_text(const cudaUUID_t& uuid) {
  std::string text = "GPU-";
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    std::array<char, 3> digits{};
    std::snprintf(digits.data(), digits.size(), "%02x", static_cast<unsigned char>(uuid.bytes[i]));
    text += digits.data();
  }
  return text;
}

/// As nvidia-smi writes it, but for the longer domain.
std::string bus_text(const cudaDeviceProp& properties) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%04x:%02x:%02x.0", properties.pciDomainID, properties.pciBusID,
                properties.pciDeviceID);
  return text.data();
}

std::string advice_for(cudaError_t status) {
  switch (status) {
    case cudaErrorInsufficientDriver:
      return "Update the driver (CUDA 13 needs R580 or later, CUDA 12 R525), or build with a LibTorch for the driver's "
             "CUDA "
             "(docs/gpu.md).";
    case cudaErrorNoDevice:
      return "Ask for GPUs (in Slurm --gpus-per-node), and leave CUDA_VISIBLE_DEVICES alone.";
    default:
      return "Look at the cards with nvidia-smi.";
  }
}

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

Gpu describe(int index) {
  cudaDeviceProp properties{};
  cuda::check(cudaGetDeviceProperties(&properties, index), "the properties of a GPU");
  return {.index = index,
          .name = properties.name,
          .uuid = uuid_text(properties.uuid),
          .bus_id = bus_text(properties),
          .memory_bytes = static_cast<std::int64_t>(properties.totalGlobalMem),
          .compute_major = properties.major,
          .compute_minor = properties.minor,
          .multiprocessors = properties.multiProcessorCount};
}

int capability_of(const Gpu& gpu) {
  return 10 * gpu.compute_major + gpu.compute_minor;
}

std::string advice_for_left_out(const Gpu& gpu) {
  constexpr int least = 80;  // bfloat16, and copies to shared memory that bypass registers
  if (capability_of(gpu) < least) {
    return "Use a card of compute capability " + cuda::capability_text(least) +
           " or later (A100, L40S, H100; docs/gpu.md).";
  }
  return "Build with -DCMAKE_CUDA_ARCHITECTURES=" + std::to_string(capability_of(gpu)) + " (docs/gpu.md).";
}

/// Leaves cards out on which the first kernel would fail.
void leave_out_cards_without_code(GpuSurvey& survey) {
  const std::vector<cuda::CompiledCode> compiled = cuda::compiled_code();
  std::vector<Gpu> found;
  found.swap(survey.gpus);
  for (const Gpu& gpu : found) {
    if (std::ranges::any_of(compiled, [&](const auto& code) { return code.runs_on(capability_of(gpu)); })) {
      survey.gpus.push_back(gpu);
    } else {
      survey.left_out += (survey.left_out.empty() ? "" : ", ") + ("GPU " + std::to_string(gpu.index)) + " (" +
                         gpu.name + ", compute capability " + cuda::capability_text(capability_of(gpu)) + ")";
    }
  }
  if (survey.left_out.empty()) return;
  survey.left_out =
      "this build has code for compute capability " + cuda::text_of(compiled) + ", none for " + survey.left_out;
  if (!survey.gpus.empty()) return;
  survey.problem = survey.left_out;
  survey.advice = advice_for_left_out(found.front());
}

}  // namespace

bool built_with_cuda() noexcept {
  return true;
}

GpuSurvey survey_gpus() {
  GpuSurvey survey;
  int driver = 0;
  int runtime = 0;
  cuda::check(cudaRuntimeGetVersion(&runtime), "the version of the CUDA runtime");
  cuda::check(cudaDriverGetVersion(&driver), "the version of the CUDA driver");
  if (driver == 0) {
    survey.problem = "no NVIDIA driver on this machine";
    survey.advice =
        "Start it where nvidia-smi shows a GPU; in a container with --nv (Apptainer) or --gpus all (Docker).";
    return survey;
  }
  survey.versions = "driver " + version_text(driver) + ", runtime " + version_text(runtime);
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess) {
    // The error stays behind for whoever asks for the last one next.
    static_cast<void>(cudaGetLastError());
    survey.problem = std::string("the driver answers: ") + cudaGetErrorString(status) + " (" + survey.versions + ")";
    survey.advice = advice_for(status);
    return survey;
  }
  for (int index = 0; index < count; ++index) survey.gpus.push_back(describe(index));
  leave_out_cards_without_code(survey);
  if (count == 0) {
    survey.problem = "the driver shows no GPU to this process";
    survey.advice = advice_for(cudaErrorNoDevice);
  }
  return survey;
}

}  // namespace datus
