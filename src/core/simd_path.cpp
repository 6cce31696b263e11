// SPDX-License-Identifier: Apache-2.0
#include "datus/core/simd_path.hpp"

#include "datus/core/error.hpp"

#include <string>

namespace datus {
namespace {

// The flags are those that cmake/DatusLayers.cmake compiles the *_avx2.cpp and *_avx512.cpp files with.
// __builtin_cpu_supports also asks whether the operating system saves the wide registers.
bool has_avx2() noexcept {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c") &&
         __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
         __builtin_cpu_supports("lzcnt");
}

bool has_avx512() noexcept {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512vpopcntdq");
}

bool is_supported(SimdPath path) noexcept {
  switch (path) {
    case SimdPath::avx512:
      return has_avx512();
    case SimdPath::avx2:
      return has_avx2();
    case SimdPath::scalar:
      break;
  }
  return true;
}

}  // namespace

std::string_view name(SimdPath path) noexcept {
  switch (path) {
    case SimdPath::avx512:
      return "avx512";
    case SimdPath::avx2:
      return "avx2";
    case SimdPath::scalar:
      break;
  }
  return "scalar";
}

std::vector<SimdPath> supported_simd_paths() {
  std::vector<SimdPath> paths;
  for (const SimdPath path : {SimdPath::scalar, SimdPath::avx2, SimdPath::avx512}) {
    if (is_supported(path)) paths.push_back(path);
  }
  return paths;
}

SimdPath best_simd_path() noexcept {
  if (has_avx512()) return SimdPath::avx512;
  return has_avx2() ? SimdPath::avx2 : SimdPath::scalar;
}

void require_simd_path(SimdPath path) {
  if (is_supported(path)) return;
  throw UsageError("The " + std::string(name(path)) + " path cannot run here", "this CPU lacks its instructions",
                   "Use best_simd_path().");
}

}  // namespace datus
