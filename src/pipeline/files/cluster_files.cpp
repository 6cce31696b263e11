// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/cluster_files.hpp"

#include "datus/core/error.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/atomic_hdf5.hpp"
#include "datus/io/hdf5_reader.hpp"
#include "pipeline/files/dataset_checks.hpp"
#include "pipeline/files/verified_file.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

namespace datus {

void write_centroid_matrix(Hdf5Writer& writer, const std::string& name, std::span<const double> centroids, int k,
                           int dim) {
  const std::vector<float> rounded(centroids.begin(), centroids.end());
  if (std::ranges::equal(rounded, centroids, {}, [](float value) { return static_cast<double>(value); })) {
    writer.write<float>(name, rounded, {k, dim});
  } else {
    writer.write<double>(name, centroids, {k, dim});
  }
}

void write_clusters_of_k(Hdf5Writer& writer, const std::string& group, const ClustersOfK& clusters) {
  if (!group.empty()) writer.group(group);
  write_centroid_matrix(writer, group + "/centroids", clusters.centroids, clusters.k, clusters.dim);
  writer.write<double>(group + "/inertia", clusters.inertia, {std::ssize(clusters.inertia)});
  const ClusterAttributes& attributes = clusters.attributes;
  const std::string object = group.empty() ? "/" : group;
  writer.attribute(object, "seed", static_cast<std::int64_t>(attributes.seed));
  writer.attribute(object, "iterations", attributes.iterations);
  writer.attribute(object, "converged", std::int64_t{attributes.converged ? 1 : 0});
  writer.attribute(object, "inertia", attributes.inertia);
  writer.attribute(object, "restart", attributes.restart);
  if (attributes.silhouette) writer.attribute(object, "silhouette", *attributes.silhouette);
  if (attributes.stability) writer.attribute(object, "stability", *attributes.stability);
  if (attributes.separation) writer.attribute(object, "separation", *attributes.separation);
  if (clusters.fine != nullptr) write_fine_clusters(writer, group, *clusters.fine, clusters.k);
  if (clusters.examples != nullptr) write_cluster_examples(writer, group, *clusters.examples);
}

void write_labels(Hdf5Writer* writer, const std::string& name, std::span<const std::int32_t> labels,
                  Communicator& comm) {
  constexpr std::int64_t piece = std::int64_t{1} << 18U;
  const std::vector<std::int64_t> counts = allgather_values(comm, std::vector<std::int64_t>{std::ssize(labels)});
  const std::int64_t total = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  on_root(comm, [&] { writer->create<std::int32_t>(name, {total}, ChunkHint::about_one_mib); });
  std::int64_t row = 0;
  for (int owner = 0; owner < comm.size(); ++owner) {
    const std::int64_t count = counts[static_cast<std::size_t>(owner)];
    for (std::int64_t begin = 0; begin < count; begin += piece) {
      std::span<const std::int32_t> mine;
      const std::int64_t size = std::min(piece, count - begin);
      if (comm.rank() == owner) mine = labels.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(size));
      const auto pieces = comm.gather(std::as_bytes(mine), 0);
      on_root(comm, [&] {
        std::vector<std::int32_t> values(static_cast<std::size_t>(size));
        std::memcpy(values.data(), pieces[static_cast<std::size_t>(owner)].data(), values.size() * sizeof(values[0]));
        writer->write_rows<std::int32_t>(name, row, values);
      });
      row += size;
    }
  }
}

void write_fine_clusters(Hdf5Writer& writer, const std::string& group, const FineClusters& fine, int k) {
  const auto leaves = static_cast<std::int64_t>(fine.tree.leaves);
  write_centroid_matrix(writer, group + "/fine_centroids", fine.centroids, fine.tree.leaves, fine.dim);
  writer.write<std::int64_t>(group + "/fine_rows", fine.rows, {leaves});
  std::vector<std::int32_t> joined;
  std::vector<double> heights;
  for (const ClusterTree::Merge& merge : fine.tree.merges) {
    joined.insert(joined.end(), {merge.first, merge.second});
    heights.push_back(merge.height);
  }
  writer.write<std::int32_t>(group + "/tree_merge", joined, {leaves - 1, 2});
  writer.write<double>(group + "/tree_height", heights, {leaves - 1});
  writer.attribute(group.empty() ? "/" : group, "fine_inertia", fine.inertia);
  writer.write<std::int32_t>(group + "/cluster_of_fine", cut_tree(fine.tree, k, fine.rows), {leaves});
}

void write_cluster_files(const std::filesystem::path& centroids_path, const std::filesystem::path& assignment_path,
                         const ClustersOfK& clusters, std::span<const std::int32_t> labels,
                         std::span<const std::int64_t> shard_offset, const StageProvenance& provenance,
                         const WriteOptions& options, Communicator& comm) {
  std::optional<AtomicHdf5> file;
  on_root(comm, [&] {
    make_folders(centroids_path.parent_path());
    AtomicHdf5 centroids_file(centroids_path, options);
    write_clusters_of_k(centroids_file.writer(), "", clusters);
    write_provenance(centroids_file.writer(), provenance);
    centroids_file.commit();
    file.emplace(assignment_path, options);
  });
  write_labels(file ? &file->writer() : nullptr, "assignment", labels, comm);
  on_root(comm, [&] {
    file->writer().write<std::int64_t>("shard_offset", shard_offset, {std::ssize(shard_offset)});
    write_provenance(file->writer(), provenance);
    file->commit();
  });
}

std::optional<FineClusters> read_fine_clusters(const Hdf5Reader& reader, const std::string& group) {
  if (!reader.has(group + "/fine_centroids")) return std::nullopt;
  FineClusters fine;
  Centroids centroids = read_centroids(reader, group + "/fine_centroids");
  fine.tree.leaves = centroids.k;
  fine.dim = centroids.dim;
  fine.centroids = std::move(centroids.values);
  fine.rows = reader.read<std::int64_t>(group + "/fine_rows");
  fine.inertia = reader.attribute<double>(group.empty() ? "/" : group, "fine_inertia");
  const auto joined = reader.read<std::int32_t>(group + "/tree_merge");
  const auto heights = reader.read<double>(group + "/tree_height");
  const auto leaves = static_cast<std::size_t>(centroids.k);
  if (leaves < 1 || fine.rows.size() != leaves || heights.size() + 1 != leaves || joined.size() != 2 * heights.size()) {
    throw_inconsistent(reader, "the tree of " + group + "/fine_centroids has another number of clusters");
  }
  std::vector<bool> is_joined(2 * leaves);
  for (std::size_t i = 0; i < heights.size(); ++i) {
    const auto made = static_cast<std::int32_t>(leaves + i);
    for (const std::int32_t node : {joined[2 * i], joined[2 * i + 1]}) {
      if (node < 0 || node >= made || is_joined[static_cast<std::size_t>(node)]) {
        throw_inconsistent(reader, group + "/tree_merge joins what is not there, in row " + std::to_string(i));
      }
      is_joined[static_cast<std::size_t>(node)] = true;
    }
    fine.tree.merges.push_back({joined[2 * i], joined[2 * i + 1], heights[i]});
  }
  return fine;
}

AssignmentFile read_assignment(const std::filesystem::path& path, const StageProvenance& wanted) {
  const Hdf5Reader reader = open_verified(path, wanted);
  const std::int64_t rows = reader.shape("assignment", 1)[0];
  AssignmentFile file{reader.read<std::int32_t>("assignment"), reader.read<std::int64_t>("shard_offset")};
  require_offsets(reader, "shard_offset", file.shard_offset, rows, "assignment");
  const auto negative = std::ranges::find_if(file.clusters, [](std::int32_t cluster) { return cluster < 0; });
  if (negative != file.clusters.end()) {
    throw_inconsistent(reader, "/assignment names cluster " + std::to_string(*negative));
  }
  return file;
}

PlainAssignment read_plain_assignment(const std::string& text) {
  const auto place = parse_dataset_path(text, "/assignment");
  const Hdf5Reader reader(place.file);
  reader.verify();
  std::string group = place.dataset;
  if (group.ends_with("/assignment")) group.resize(group.size() - std::string("/assignment").size());
  while (group.ends_with("/")) group.pop_back();
  if (!reader.has(group + "/assignment")) {
    std::string there;
    for (const auto& name : reader.datasets()) there += (there.empty() ? "" : ", ") + name;
    throw InputError("No " + group + "/assignment in " + place.file.string(), "it has " + there,
                     "Name the group, for example FILE.h5:/k027.");
  }
  PlainAssignment result;
  (void)reader.shape(group + "/assignment", 1);
  result.clusters = reader.read<std::int32_t>(group + "/assignment");
  // Of no rows at all K is 0.
  const auto& clusters = result.clusters;
  const std::int64_t low = clusters.empty() ? 0 : std::ranges::min(clusters);
  const std::int64_t high = clusters.empty() ? -1 : std::ranges::max(clusters);
  const std::int64_t k = reader.has(group + "/centroids") ? reader.shape(group + "/centroids", 2)[0] : high + 1;
  if (low < 0 || high >= k || k > std::numeric_limits<int>::max()) {
    throw InputError(
        group + "/assignment of " + place.file.string() + " names cluster " + std::to_string(low < 0 ? low : high),
        "K is " + std::to_string(k), "Cluster again.");
  }
  result.k = static_cast<int>(k);
  return result;
}

Centroids read_centroids(const std::string& text) {
  const auto place = parse_dataset_path(text, "/centroids");
  const Hdf5Reader reader(place.file);
  reader.verify();
  return read_centroids(reader, place.dataset);
}

Centroids read_centroids(const Hdf5Reader& reader, const std::string& dataset) {
  const Shape shape = reader.matrix_shape(dataset);
  Centroids centroids;
  centroids.k = checked_cast<int>(shape[0], "The number of centroids");
  centroids.dim = checked_cast<int>(shape[1], "The width of the centroids");
  centroids.values.resize(static_cast<std::size_t>(element_count(shape)));
  reader.read_rows<double>(dataset, 0, shape[0], centroids.values);
  require_finite(centroids.values, centroids.dim, 0, dataset + " in " + reader.path().string());
  return centroids;
}

}  // namespace datus
