// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/cluster_tree.hpp"
#include "datus/algo/kmeans.hpp"
#include "datus/comm/communicator.hpp"
#include "datus/core/types.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/hdf5_reader.hpp"
#include "datus/io/hdf5_types.hpp"
#include "datus/io/hdf5_writer.hpp"
#include "pipeline/files/cluster_examples.hpp"
#include "pipeline/files/provenance.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace datus {

/// RUN/clusters/kK/assignment.h5: the cluster of every segment of the run, and where each shard's rows begin.
struct AssignmentFile {
  std::vector<std::int32_t> clusters;      ///< [s]
  std::vector<std::int64_t> shard_offset;  ///< [shards + 1]
  [[nodiscard]] std::span<const std::int32_t> of_shard(ShardIndex shard) const {
    const auto begin = shard_offset[static_cast<std::size_t>(shard.value)];
    const auto end = shard_offset[static_cast<std::size_t>(shard.value) + 1];
    return std::span(clusters).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
  }
};

/// A group of a clusters file: /assignment of /kK.
struct PlainAssignment {
  int k = 0;
  std::vector<std::int32_t> clusters;
};

/// What is said of a result beside its arrays.
struct ClusterAttributes {
  std::uint64_t seed = 0;
  int iterations = 0;
  bool converged = false;
  double inertia = 0;  ///< of the assignment to the stored centroids
  int restart = 0;
  std::optional<double> silhouette = std::nullopt;  ///< see `KMeansQuality`; no attribute where there is no value
  std::optional<double> stability = std::nullopt;
  std::optional<double> separation = std::nullopt;  ///< see `ClusterSummary`
};

/// What clusters were joined from: /fine_centroids [F,D], /fine_rows [F] i64 (rows of each), /tree_merge [F-1,2] i32
/// and /tree_height [F-1] f64 (see `ClusterTree`), and for the K of the file /cluster_of_fine [F] i32.
struct FineClusters {
  std::vector<double> centroids;
  int dim = 0;
  std::vector<std::int64_t> rows;
  ClusterTree tree;
  double inertia = 0;  ///< of the rows that they were fitted on; attribute fine_inertia
  friend bool operator==(const FineClusters&, const FineClusters&) = default;
};

/// What is stored of one K but for the assignment.
struct ClustersOfK {
  std::span<const double> centroids = {};  ///< [k, dim]
  int k = 0;
  int dim = 0;
  std::span<const double> inertia = {};  ///< [iterations]
  ClusterAttributes attributes = {};
  const FineClusters* fine = nullptr;  ///< what they were cut from
  const ExamplesOfK* examples = nullptr;
};

/// Writes /centroids [K,D] and /inertia [iterations] f64 with the attributes, and what else there is, into `group` (""
/// for the root). Centroids are stored as f32, or as f64 where f32 does not hold them.
void write_clusters_of_k(Hdf5Writer& writer, const std::string& group, const ClustersOfK& clusters);
/// A matrix of centroids alone.
void write_centroid_matrix(Hdf5Writer& writer, const std::string& name, std::span<const double> centroids, int k,
                           int dim);

/// COLLECTIVE. Writes the dataset `name`, [n] i32: the labels of all ranks' rows in rank order. `writer` is that of
/// rank 0, and null elsewhere; the labels reach it in pieces, for no rank need have memory for all.
void write_labels(Hdf5Writer* writer, const std::string& name, std::span<const std::int32_t> labels,
                  Communicator& comm);

/// The datasets of `FineClusters`, for K clusters, into `group`.
void write_fine_clusters(Hdf5Writer& writer, const std::string& group, const FineClusters& fine, int k);

/// COLLECTIVE. RUN/clusters/kK/centroids.h5, and assignment.h5 from `labels` of this rank's rows. Atomic; assignment
/// last, so that its presence means both are done.
void write_cluster_files(const std::filesystem::path& centroids_path, const std::filesystem::path& assignment_path,
                         const ClustersOfK& clusters, std::span<const std::int32_t> labels,
                         std::span<const std::int64_t> shard_offset, const StageProvenance& provenance,
                         const WriteOptions& options, Communicator& comm);

[[nodiscard]] AssignmentFile read_assignment(const std::filesystem::path& path, const StageProvenance& wanted);

/// Reads FILE.h5:/k027, FILE.h5:/k027/assignment, or FILE.h5 with one assignment in it. K is the number of rows of
/// /centroids beside it; without that the largest cluster plus one. Throws `InputError` naming what is missing.
[[nodiscard]] PlainAssignment read_plain_assignment(const std::string& text);

/// A matrix of centroids [K,D] from FILE.h5[:/dataset] (default /centroids). Throws `InputError` for values that are
/// not finite.
struct Centroids {
  std::vector<double> values;
  int k = 0;
  int dim = 0;
};
[[nodiscard]] Centroids read_centroids(const std::string& text);
/// The same of an open file, which whoever opened it has verified.
[[nodiscard]] Centroids read_centroids(const Hdf5Reader& reader, const std::string& dataset);

/// Those of RUN/clusters/kK/centroids.h5, or of a group of a clusters file; nothing where k-means made the K clusters
/// itself. Whoever opened the file has verified it. Throws `InputError` for values that are not finite, or a tree that
/// is none.
[[nodiscard]] std::optional<FineClusters> read_fine_clusters(const Hdf5Reader& reader, const std::string& group);

}  // namespace datus
