// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/random.hpp"

namespace datus {

std::array<std::uint32_t, 2> kmeans_key(KMeansPurpose purpose, std::uint64_t seed, int restart, int clusters) noexcept {
  const auto words = philox({static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32U),
                             static_cast<std::uint32_t>(restart), static_cast<std::uint32_t>(clusters)},
                            {static_cast<std::uint32_t>(purpose), 0});
  return {words[0], words[1]};
}

}  // namespace datus
