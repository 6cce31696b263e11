// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Marks a function whose very same code runs on a GPU as well. Such a function computes with additions,
/// multiplications, divisions, conversions and std::fma of numbers alone, which are rounded the same everywhere.
#if defined(__CUDACC__)
#define DATUS_HOST_DEVICE __host__ __device__
#else
#define DATUS_HOST_DEVICE
#endif
