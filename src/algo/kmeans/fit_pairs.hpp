// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/kmeans.hpp"

#include <cstddef>
#include <span>

namespace datus::clustering {

/// COLLECTIVE. What `kmeans` makes of the pairs with these `places` among all that the options ask for, all of them in
/// KMeansPhase::done. Throws as `kmeans`.
[[nodiscard]] KMeansState fit_pairs(const KMeansRows& rows, const KMeansOptions& options, std::span<const double> given,
                                    std::span<const std::size_t> places, Communicator& comm);

}  // namespace datus::clustering
