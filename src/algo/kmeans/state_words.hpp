// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/kmeans_state.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace datus::clustering {

/// Every bit of a state, as a message between ranks: states can follow each other in one.
[[nodiscard]] std::vector<std::int64_t> words_of(const KMeansState& state);
/// The states that such a message holds.
[[nodiscard]] std::vector<KMeansState> states_in(std::span<const std::int64_t> words);

}  // namespace datus::clustering
