// SPDX-License-Identifier: Apache-2.0
#include "model/torch/cuda/math_modes.hpp"

#include "datus/core/error.hpp"

#include <cstdlib>

#include <ATen/Context.h>

namespace datus {
namespace {

/// As a template, so that what this version of LibTorch has no switch for is left out.
template <class Context>
void set_modes(Context& context) {
  context.setAllowTF32CuBLAS(false);
  context.setAllowTF32CuDNN(false);
  context.setAllowFP16ReductionCuBLAS(false);
  if constexpr (requires { context.setAllowBF16ReductionCuBLAS(false); }) context.setAllowBF16ReductionCuBLAS(false);
  if constexpr (requires { context.setAllowFP16AccumulationCuBLAS(false); }) {
    context.setAllowFP16AccumulationCuBLAS(false);
  }

  context.setSDPUseFlash(true);
  if constexpr (requires { context.setSDPUseMemEfficient(true); }) context.setSDPUseMemEfficient(true);
  context.setSDPUseMath(true);
  if constexpr (requires { context.setSDPUseCuDNN(false); }) context.setSDPUseCuDNN(false);
  if constexpr (requires { context.setSDPUseOverrideable(false); }) context.setSDPUseOverrideable(false);
  if constexpr (requires { context.setSDPUseFA3(false); }) context.setSDPUseFA3(false);
  if constexpr (requires { context.setAllowFP16BF16ReductionMathSDP(false); }) {
    context.setAllowFP16BF16ReductionMathSDP(false);
  }

  context.setBenchmarkCuDNN(false);
  context.setDeterministicCuDNN(true);
  // LibTorch's own switch would refuse cuBLAS unless a variable of the environment is set. None of the operations that
  // we call adds in the order in which threads come; cuBLAS is deterministic in the one stream that a model has.
  context.setDeterministicAlgorithms(false, false);
}

}  // namespace

void set_math_modes() {
  at::Context& context = at::globalContext();
  set_modes(context);
  // In some versions of LibTorch the variable has the last word.
  if (!context.allowTF32CuBLAS()) return;
  throw UsageError("model.precision: float32 would not be float32 on a GPU",
                   "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE is set, which this LibTorch puts above all else",
                   "Unset it (containers may set it), or take a newer LibTorch.");
}

std::string math_modes_text() {
  std::string text = "no TF32, sums in float32, attention without cuDNN, GELU by a polynomial";
  for (const char* name :
       {"CUBLAS_WORKSPACE_CONFIG", "CUBLASLT_WORKSPACE_SIZE", "NVIDIA_TF32_OVERRIDE", "TORCH_BLAS_PREFER_CUBLASLT"}) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here writes the environment
    if (const char* const value = std::getenv(name); value != nullptr) text += std::string(", ") + name + "=" + value;
  }
  return text;
}

}  // namespace datus
