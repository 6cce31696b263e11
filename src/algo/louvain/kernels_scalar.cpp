// SPDX-License-Identifier: Apache-2.0
#include "algo/louvain/kernels.hpp"

#include <bit>
#include <cstddef>

namespace datus::louvain_detail {
namespace {

std::uint32_t count_bits(const std::uint64_t* row, int words) {
  std::uint32_t sum = 0;
  for (int w = 0; w < words; ++w) sum += static_cast<std::uint32_t>(std::popcount(row[w]));
  return sum;
}

void count_links(const std::uint64_t* row, const std::uint64_t* masks, int words, int slots, std::uint32_t* links) {
  for (int group = 0; group < slots; group += slot_group, links += slot_group) {
    for (int s = 0; s < slot_group; ++s) links[s] = 0;
    for (int w = 0; w < words; ++w, masks += slot_group) {
      for (int s = 0; s < slot_group; ++s) links[s] += static_cast<std::uint32_t>(std::popcount(row[w] & masks[s]));
    }
  }
}

Choice choose(const std::uint32_t* links, const std::uint32_t* volumes, int slots, std::int32_t own,
              std::int64_t link_factor, std::int64_t volume_factor) {
  const auto score = [&](std::int32_t slot) { return link_factor * links[slot] - volume_factor * volumes[slot]; };
  const std::int64_t own_score = score(own);
  std::int64_t best_score = own_score;
  std::int32_t best = own;
  for (std::int32_t slot = 0; slot < slots; ++slot) {
    if (links[slot] == 0) continue;
    const std::int64_t candidate = score(slot);
    if (candidate > best_score) {
      best_score = candidate;
      best = slot;
    }
  }
  return {best, best_score - own_score};
}

}  // namespace

Kernel scalar_kernel() {
  return {.count_bits = count_bits, .count_links = count_links, .choose = choose, .count_limit = 64};
}

}  // namespace datus::louvain_detail
