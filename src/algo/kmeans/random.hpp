// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/host_device.hpp"
#include "datus/core/philox.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace datus {

namespace detail {

/// (atanh(s) / s - 1) / s^2 = 1/3 + z/5 + z^2/7 + ..., z = s^2. |s| <= 3 - 2 sqrt(2), so what is left out after z^10 /
/// 23 is below 2^-58 of the logarithm.
DATUS_HOST_DEVICE inline double atanh_series(double z) noexcept {
  double sum = 1.0 / 23.0;
  for (int odd = 21; odd >= 3; odd -= 2) sum = std::fma(sum, z, 1.0 / odd);
  return sum;
}

}  // namespace detail

/// The key of the random numbers of one (K, restart) pair: words 0 and 1 of Philox4x32-10 with the counter
/// {low and high half of the seed, restart, K} and the key {purpose, 0}; purpose is 1 for k-means++, 2 for `random`,
/// 3 for the candidates of k-means||, 4 for the order of mini-batches (with restart and K 0: all pairs see the same
/// batches), 5 for the choice among the candidates of k-means||.
enum class KMeansPurpose : std::uint32_t {
  plus_plus = 1,
  random_rows = 2,
  oversampling = 3,
  mini_batch = 4,
  recluster = 5
};
[[nodiscard]] std::array<std::uint32_t, 2> kmeans_key(KMeansPurpose purpose, std::uint64_t seed, int restart,
                                                      int clusters) noexcept;

/// 64 random bits for a global row: word 0 (high half) and word 1 of Philox4x32-10 with the counter {low and high half
/// of the row, round, 0}. Any rank can draw for any row.
[[nodiscard]] DATUS_HOST_DEVICE inline std::uint64_t kmeans_draw(std::array<std::uint32_t, 2> key, std::uint64_t row,
                                                                 std::uint32_t round) noexcept {
  const auto words = philox({static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(row >> 32U), round, 0}, key);
  return (std::uint64_t{words[0]} << 32U) | words[1];
}

/// (2 m + 1) * 2^-53, m being the upper 52 bits of `kmeans_draw`: exact, and never 0 or 1.
[[nodiscard]] DATUS_HOST_DEVICE inline double kmeans_uniform(std::array<std::uint32_t, 2> key, std::uint64_t row,
                                                             std::uint32_t round) noexcept {
  const std::uint64_t odd = ((kmeans_draw(key, row, round) >> 12U) << 1U) | 1U;
  return static_cast<double>(odd) * 0x1p-53;
}

/// -log(u) for normal u in (0, 1], within 4 units in the last place, never below (1 - u)(1 - 2^-50). Made of additions,
/// fused multiply-adds and one division only, each rounded correctly wherever it runs: unlike a library's logarithm it
/// has the same bits on every machine and device.
[[nodiscard]] DATUS_HOST_DEVICE inline double negative_log(double u) noexcept {
  // u = 2^e m with m in [sqrt(1/2), sqrt(2)); log(m) = 2 atanh(s), s = (m - 1) / (m + 1). ln(2) is cut into a part with
  // 29 bits, whose product with e is exact, and the rest.
  constexpr double ln2_high = 0x1.62e42ffp-1;
  constexpr double ln2_low = -0x1.718432a1b0e26p-35;
  constexpr std::uint64_t sqrt_half = 0x3FE6A09E667F3BCDULL;
  constexpr std::uint64_t mantissa = (std::uint64_t{1} << 52U) - 1;
  const auto bits = std::bit_cast<std::uint64_t>(u);
  const auto exponent = static_cast<std::int64_t>(bits - sqrt_half) >> 52U;
  const double m = std::bit_cast<double>(((bits - sqrt_half) & mantissa) + sqrt_half);
  const double f = m - 1.0;
  const double s = f / (m + 1.0);
  const double z = s * s;
  // log(m) = 2 s + 2 s z (1/3 + ...) = f - s (f - 2 z (1/3 + ...)): f is exact, and the rest is small against it.
  const double rest = s * std::fma(-2.0 * z, detail::atanh_series(z), f);
  const auto e = static_cast<double>(exponent);
  return std::fma(-e, ln2_high, std::fma(-e, ln2_low, rest) - f);
}

}  // namespace datus
