// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

namespace datus {

/// The implementations that a kernel comes in; a test may force one. Those of `algo` give the same bits on all paths,
/// those of the Vision Transformer need not: its backend names the path.
enum class SimdPath {
  scalar,  ///< Plain C++, any CPU.
  avx2,    ///< Files *_avx2.cpp: AVX2, FMA, F16C, POPCNT, BMI 1 and 2, LZCNT.
  avx512,  ///< Files *_avx512.cpp: the same, and AVX-512 F, BW, DQ, VL, VPOPCNTDQ.
};

/// "scalar", "avx2" or "avx512".
[[nodiscard]] std::string_view name(SimdPath path) noexcept;

/// The paths that this CPU and its operating system can run, slowest first; never empty: `scalar` always runs.
[[nodiscard]] std::vector<SimdPath> supported_simd_paths();

/// The last of `supported_simd_paths()`.
[[nodiscard]] SimdPath best_simd_path() noexcept;

/// Throws `UsageError` when this CPU cannot run `path`, where a kernel would end in an illegal instruction.
void require_simd_path(SimdPath path);

/// The function of that path. Only it may be called: the others are compiled for other CPUs. Throws as
/// `require_simd_path` does.
template <class Function>
[[nodiscard]] Function* for_path(SimdPath path, Function* scalar, Function* avx2, Function* avx512) {
  require_simd_path(path);
  switch (path) {
    case SimdPath::avx512:
      return avx512;
    case SimdPath::avx2:
      return avx2;
    case SimdPath::scalar:
      break;
  }
  return scalar;
}

}  // namespace datus
