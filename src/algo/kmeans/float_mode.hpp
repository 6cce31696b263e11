// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <xmmintrin.h>

namespace datus::clustering {

/// While it lives, this thread computes as IEEE 754 says: round to nearest even, denormal numbers kept. Libraries (and
/// programs built with -ffast-math) set other modes, which new threads inherit; results must not depend on that.
class IeeeFloatMode {
 public:
  IeeeFloatMode() noexcept : saved_(_mm_getcsr()) {
    _mm_setcsr(saved_ & ~(denormals_are_zero | flush_to_zero | rounding));
  }
  ~IeeeFloatMode() { _mm_setcsr(saved_); }
  IeeeFloatMode(const IeeeFloatMode&) = delete;
  IeeeFloatMode& operator=(const IeeeFloatMode&) = delete;
  IeeeFloatMode(IeeeFloatMode&&) = delete;
  IeeeFloatMode& operator=(IeeeFloatMode&&) = delete;

 private:
  // Bits of the MXCSR register; rounding 0 is to nearest even.
  static constexpr unsigned denormals_are_zero = 1U << 6U;
  static constexpr unsigned rounding = 3U << 13U;
  static constexpr unsigned flush_to_zero = 1U << 15U;

  unsigned saved_;
};

}  // namespace datus::clustering
