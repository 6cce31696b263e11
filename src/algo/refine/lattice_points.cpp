// SPDX-License-Identifier: Apache-2.0
#include "algo/refine/lattice_points.hpp"

#include <algorithm>

namespace datus::refine_detail {

void LatticePoints::clear() {
  keys_.clear();
  std::fill(slots_.begin(), slots_.end(), Slot{});
}

void LatticePoints::grow() {
  slots_.assign(2 * slots_.size(), Slot{});
  mask_ = slots_.size() - 1;
  for (std::int32_t number = 0; number < size(); ++number) {
    const std::uint64_t hash = hash_of(keys_[number]);
    std::uint64_t at = hash & mask_;
    while (slots_[at].number != none) at = (at + 1) & mask_;
    slots_[at] = {static_cast<std::uint32_t>(hash >> 32U), number};
  }
}

}  // namespace datus::refine_detail
