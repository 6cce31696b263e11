// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/hungarian.hpp"

#include <optional>

#include <Eigen/Core>

namespace datus {

/// Normalised mutual information of the rows and columns of a contingency table (empty ones do not matter), as
/// scikit-learn: mutual information over the mean of the two entropies; 1 for one row and one column, else 0 when the
/// mutual information vanishes. Null when the table is empty.
[[nodiscard]] std::optional<double> normalised_mutual_information(const Eigen::Ref<const CountMatrix>& table);

/// Adjusted Rand index of the rows and columns of a contingency table, as scikit-learn, from exact integer pair counts;
/// 1 when no pair is split by only one of the two. Null when the table is empty.
[[nodiscard]] std::optional<double> adjusted_rand_index(const Eigen::Ref<const CountMatrix>& table);

}  // namespace datus
