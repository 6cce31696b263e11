// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/gpu.hpp"

#include <gtest/gtest.h>

/// Skips a test where there is no GPU, and says why. Tests in tests/gpu run on a card in a build with DATUS_CUDA=ON,
/// and on an emulated one (tests/cuda_emulation) in every other build, where they are never skipped.
#define DATUS_REQUIRE_GPU()                                                \
  if (const auto survey_ = ::datus::survey_gpus(); survey_.gpus.empty()) { \
    GTEST_SKIP() << "needs a GPU: " << survey_.problem;                    \
  }                                                                        \
  static_assert(true)
