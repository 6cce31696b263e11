// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/half.hpp"

#include <span>

namespace datus::half_kernels {

/// The same bits as `datus::to_half` and `datus::to_float`, for CPUs with AVX2 and F16C.
void to_half_avx2(std::span<const float> from, std::span<half> to) noexcept;
void to_float_avx2(std::span<const half> from, std::span<float> to) noexcept;
[[nodiscard]] bool to_half_exactly_avx2(std::span<const float> from, std::span<half> to) noexcept;

}  // namespace datus::half_kernels
