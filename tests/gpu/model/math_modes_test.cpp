// SPDX-License-Identifier: Apache-2.0
#include "model/torch/cuda/math_modes.hpp"

#include "datus/core/error.hpp"
#include "support/program.hpp"

#include <cstdlib>
#include <filesystem>
#include <string>
#include <type_traits>

#include <ATen/Context.h>
#include <gtest/gtest.h>

// Switches of LibTorch: needs no card.

namespace datus::test {
namespace {

/// The switches that this version of LibTorch has; "" where all are as they should be.
template <class Context>
std::string wrong_modes(Context& context) {
  std::string wrong;
  const auto expect = [&](const char* name, bool found, bool wanted) {
    if (found != wanted) wrong += std::string(name) + " ";
  };
  expect("TF32 in cuBLAS", context.allowTF32CuBLAS(), false);
  expect("TF32 in cuDNN", context.allowTF32CuDNN(), false);
  // A flag, or in newer versions an enumeration whose first value allows them.
  using Reduction = decltype(context.allowFP16ReductionCuBLAS());
  constexpr auto is_allowed = [](Reduction found) {
    return std::is_same_v<Reduction, bool> ? found != Reduction{} : found == Reduction{};
  };
  expect("sums in float16", is_allowed(context.allowFP16ReductionCuBLAS()), false);
  if constexpr (requires { context.allowBF16ReductionCuBLAS(); }) {
    expect("sums in bfloat16", is_allowed(context.allowBF16ReductionCuBLAS()), false);
  }
  if constexpr (requires { context.allowFP16AccumulationCuBLAS(); }) {
    expect("accumulation in float16", context.allowFP16AccumulationCuBLAS(), false);
  }
  expect("flash attention", context.userEnabledFlashSDP(), true);
  expect("attention by products", context.userEnabledMathSDP(), true);
  if constexpr (requires { context.userEnabledMemEfficientSDP(); }) {
    expect("memory-efficient attention", context.userEnabledMemEfficientSDP(), true);
  }
  if constexpr (requires { context.userEnabledCuDNNSDP(); }) {
    expect("attention by cuDNN", context.userEnabledCuDNNSDP(), false);
  }
  if constexpr (requires { context.allowFP16BF16ReductionMathSDP(); }) {
    expect("sums of attention in 16 bits", context.allowFP16BF16ReductionMathSDP(), false);
  }
  expect("algorithms tried out", context.benchmarkCuDNN(), false);
  expect("deterministic algorithms", context.deterministicCuDNN(), true);
  return wrong;
}

TEST(MathModes, AreSetWhateverTheyWere) {
  at::Context& context = at::globalContext();
  context.setAllowTF32CuBLAS(true);
  context.setAllowTF32CuDNN(true);
  context.setAllowFP16ReductionCuBLAS(true);
  context.setSDPUseFlash(false);
  context.setBenchmarkCuDNN(true);
  EXPECT_NE(wrong_modes(context), "");
  set_math_modes();
  EXPECT_EQ(wrong_modes(context), "");
}

constexpr const char* asks_for_tf32 = "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE";

/// In a process that began with the variable, which LibTorch reads once.
void check_in_such_an_environment() {
  at::Context& context = at::globalContext();
  ASSERT_TRUE(context.allowTF32CuBLAS()) << "the variable has no effect on this LibTorch";
  try {
    set_math_modes();
    EXPECT_EQ(wrong_modes(context), "");
  } catch (const UsageError& error) {
    // Of LibTorch 1.13, where the variable cannot be overruled.
    EXPECT_TRUE(context.allowTF32CuBLAS());
    EXPECT_NE(std::string(error.what()).find("Unset it"), std::string::npos) << error.what();
  }
}

TEST(MathModes, NoVariableOfTheEnvironmentBringsTF32Back) {
  if (std::getenv(asks_for_tf32) != nullptr) return check_in_such_an_environment();
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  Process process({self, "--gtest_filter=MathModes.NoVariable*"}, ".", {std::string(asks_for_tf32) + "=1"});
  const Outcome outcome = process.wait(std::chrono::seconds(100));
  EXPECT_EQ(outcome.code, 0) << outcome;
}

TEST(MathModes, TheRecordHasWhatElseChangesBits) {
  ASSERT_EQ(::unsetenv("CUBLAS_WORKSPACE_CONFIG"), 0);
  const std::string usual = math_modes_text();
  EXPECT_NE(usual.find("no TF32"), std::string::npos) << usual;
  EXPECT_NE(usual.find("GELU by a polynomial"), std::string::npos) << usual;
  ASSERT_EQ(::setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8", 1), 0);
  EXPECT_EQ(math_modes_text(), usual + ", CUBLAS_WORKSPACE_CONFIG=:16:8");
  ASSERT_EQ(::unsetenv("CUBLAS_WORKSPACE_CONFIG"), 0);
}

}  // namespace
}  // namespace datus::test
