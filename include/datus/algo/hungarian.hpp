// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include <Eigen/Core>

namespace datus {

/// Pixel counts, row-major: [clusters, classes] unless stated otherwise.
using CountMatrix = Eigen::Matrix<std::int64_t, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The one-to-one matching of clusters and classes with the largest agreement (sum of the matched pairs' counts): the
/// optimal assignment on `counts` [K, C] padded with zeros to a square. Returns the class of each cluster [K]; with K >
/// C the clusters matched to padding get -1, with K <= C every cluster gets a class, if need be one it shares no pixel
/// with.
///
/// Where several matchings are optimal, the lower indices of the smaller side come first: with K <= C cluster 0 gets
/// the lowest class that it has in any optimal matching, then cluster 1 the lowest one among those left, and so on;
/// with K > C class 0 gets the lowest such cluster, then class 1, and so on.
///
/// Exact in int64 (with counts up to 2^50); O(min(K, C)^2 max(K, C)) time. Not collective.
/// Throws `InputError` for a negative count or an empty matrix.
/// Source: shortest augmenting paths, Jonker and Volgenant, Computing 38, 1987; the DatUS evaluation's matching.
[[nodiscard]] std::vector<int> match_clusters(const Eigen::Ref<const CountMatrix>& counts);

}  // namespace datus
