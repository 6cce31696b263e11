// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/io/atomic_file.hpp"
#include "datus/io/hdf5_writer.hpp"
#include "datus/pipeline/cluster.hpp"

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace datus {

// Which K? What is known of several values of K, side by side, without labels. All functions take the values ordered by
// K, and none is collective.

/// The inertia of each, relative to that of the K before it; null for the first, and where there is nothing to divide
/// by.
[[nodiscard]] std::vector<std::optional<double>> relative_inertia(std::span<const ClusterSummary> values);

/// The values of K that have the largest of what `score` names, among those that have it: more than one on a tie.
[[nodiscard]] std::vector<int> values_with_largest(std::span<const ClusterSummary> values,
                                                   std::optional<double> ClusterSummary::*score);

/// The K that the tree suggests (`suggested_clusters`): that of the largest K, where small data make several. Empty
/// without a tree.
[[nodiscard]] std::vector<int> suggested_by_tree(std::span<const ClusterSummary> values);

/// The table that a person reads: one line for each K and, where there is something to compare, a hint which K has the
/// largest silhouette, which is the most stable, and what the tree suggests.
[[nodiscard]] std::string selection_table(std::span<const ClusterSummary> values);

/// The hint alone, without an end of line; empty when nothing can be compared.
[[nodiscard]] std::string selection_hint(std::span<const ClusterSummary> values);

/// Group /selection of a clusters file: /k [m] i64, /inertia, /silhouette and /stability [m] f64, NaN where there is no
/// value; with a tree /suggested_k [few] i64 and /separations f64. Throws as the writer.
void write_selection(Hdf5Writer& writer, std::span<const ClusterSummary> values);

/// RUN/clusters/selection.json. Atomic; nothing is written when the file says the same already. Throws `SystemError`.
void write_selection_json(const std::filesystem::path& path, std::span<const ClusterSummary> values,
                          const WriteOptions& options = {});

/// What RUN/clusters/kK/centroids.h5 says of its K, but for the number of rows. Throws `InputError` naming the file.
[[nodiscard]] ClusterSummary read_cluster_summary(const std::filesystem::path& centroids);

}  // namespace datus
