#include "datus/algo/kmeans_random.hpp"
#include "datus/core/philox.hpp"

#include <bit>
#include <cmath>

namespace datus {
namespace {

constexpr std::uint32_t low(std::uint64_t value) {
  return static_cast<std::uint32_t>(value);
}
constexpr std::uint32_t high(std::uint64_t value) {
  return static_cast<std::uint32_t>(value >> 32U);
}

/// (atanh(s) / s - 1) / s^2 = 1/3 + z/5 + z^2/7 + ..., z = s^2. |s| <= 3 - 2 sqrt(2), so what is left out after z^10 /
/// 23 is below 2^-58 of the logarithm.
double atanh_series(double z) noexcept {
  double sum = 1.0 / 23.0;
  for (int odd = 21; odd >= 3; odd -= 2) sum = std::fma(sum, z, 1.0 / odd);
  return sum;
}

}  // namespace

std::array<std::uint32_t, 2> kmeans_key(KMeansPurpose purpose, std::uint64_t seed, int restart, int clusters) noexcept {
  const auto words =
      philox({low(seed), high(seed), static_cast<std::uint32_t>(restart), static_cast<std::uint32_t>(clusters)},
             {static_cast<std::uint32_t>(purpose), 0});
  return {words[0], words[1]};
}

std::uint64_t kmeans_draw(std::array<std::uint32_t, 2> key, std::uint64_t row, std::uint32_t round) noexcept {
  const auto words = philox({low(row), high(row), round, 0}, key);
  return (std::uint64_t{words[0]} << 32U) | words[1];
}

double kmeans_uniform(std::array<std::uint32_t, 2> key, std::uint64_t row, std::uint32_t round) noexcept {
  const std::uint64_t odd = ((kmeans_draw(key, row, round) >> 12U) << 1U) | 1U;
  return static_cast<double>(odd) * 0x1p-53;
}

// u = 2^e m with m in [sqrt(1/2), sqrt(2)); log(m) = 2 atanh(s), s = (m - 1) / (m + 1). ln(2) is cut into a part with
// 29 bits, whose product with e is exact, and the rest.
double negative_log(double u) noexcept {
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
  const double rest = s * std::fma(-2.0 * z, atanh_series(z), f);
  const auto e = static_cast<double>(exponent);
  return std::fma(-e, ln2_high, std::fma(-e, ln2_low, rest) - f);
}

}  // namespace datus
