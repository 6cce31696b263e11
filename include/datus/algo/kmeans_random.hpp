#pragma once

#include <array>
#include <cstdint>

namespace datus {

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
[[nodiscard]] std::uint64_t kmeans_draw(std::array<std::uint32_t, 2> key, std::uint64_t row,
                                        std::uint32_t round) noexcept;

/// (2 m + 1) * 2^-53, m being the upper 52 bits of `kmeans_draw`: exact, and never 0 or 1.
[[nodiscard]] double kmeans_uniform(std::array<std::uint32_t, 2> key, std::uint64_t row, std::uint32_t round) noexcept;

/// -log(u) for normal u in (0, 1], within 4 units in the last place, never below (1 - u)(1 - 2^-50). Made of additions,
/// fused multiply-adds and one division only, each rounded correctly wherever it runs: unlike a library's logarithm it
/// has the same bits on every machine and device.
[[nodiscard]] double negative_log(double u) noexcept;

}  // namespace datus
