#include "datus/pipeline/cluster_files.hpp"

#include "datus/core/error.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/hdf5_reader.hpp"
#include "datus/pipeline/keys_reader.hpp"

#include <algorithm>

namespace datus {
namespace {

void commit_verified(AtomicFile& file) {
  file.commit([](const std::filesystem::path& written) { require_verified(written); });
}

}  // namespace

void write_centroids(Hdf5Writer& writer, const std::string& group, std::span<const float> centroids, int k, int dim,
                     std::span<const double> inertia, const ClusterAttributes& attributes) {
  if (!group.empty()) writer.group(group);
  writer.write<float>(group + "/centroids", centroids, {k, dim});
  writer.write<double>(group + "/inertia", inertia, {static_cast<std::int64_t>(inertia.size())});
  const std::string object = group.empty() ? "/" : group;
  writer.attribute(object, "seed", static_cast<std::int64_t>(attributes.seed));
  writer.attribute(object, "iterations", attributes.iterations);
  writer.attribute(object, "converged", std::int64_t{attributes.converged ? 1 : 0});
  writer.attribute(object, "inertia", attributes.inertia);
  writer.attribute(object, "restart", attributes.restart);
}

void write_cluster_files(const std::filesystem::path& centroids_path, const std::filesystem::path& assignment_path,
                         std::span<const float> centroids, int k, int dim, std::span<const double> inertia,
                         const ClusterAttributes& attributes, const AssignmentFile& assignment,
                         const StageProvenance& provenance) {
  std::filesystem::create_directories(centroids_path.parent_path());
  {
    AtomicFile file(centroids_path);
    Hdf5Writer writer(file.path());
    write_centroids(writer, "", centroids, k, dim, inertia, attributes);
    write_provenance(writer, provenance);
    writer.close();
    commit_verified(file);
  }
  AtomicFile file(assignment_path);
  Hdf5Writer writer(file.path());
  writer.write<std::int32_t>("assignment", assignment.clusters, {static_cast<std::int64_t>(assignment.clusters.size())},
                             ChunkHint::about_one_mib);
  writer.write<std::int64_t>("shard_offset", assignment.shard_offset,
                             {static_cast<std::int64_t>(assignment.shard_offset.size())});
  write_provenance(writer, provenance);
  writer.close();
  commit_verified(file);
}

AssignmentFile read_assignment(const std::filesystem::path& path, const StageProvenance& wanted) {
  if (!std::filesystem::exists(path)) {
    throw InputError(path.string() + " is missing", "the stage 'cluster' has not made it",
                     "Run that stage first, or 'datus run'.");
  }
  const Hdf5Reader reader(path);
  reader.verify();
  if (!reader.has_attribute("/", "provenance") ||
      reader.attribute<std::string>("/", "provenance") != wanted.hash().hex()) {
    throw InputError(path.string() + " is not of this run", "it was made from other descriptors or settings",
                     "Run the stage 'cluster' first.");
  }
  return {reader.read<std::int32_t>("assignment"), reader.read<std::int64_t>("shard_offset")};
}

PlainAssignment read_plain_assignment(const std::string& text) {
  auto place = parse_dataset_path(text, "/");
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
  result.clusters = reader.read<std::int32_t>(group + "/assignment");
  const auto [low, high] = std::minmax_element(result.clusters.begin(), result.clusters.end());
  if (!result.clusters.empty()) result.k = *high + 1;
  if (reader.has(group + "/centroids")) {
    result.k = checked_cast<int>(reader.shape(group + "/centroids", 2)[0], "The number of centroids");
  }
  if (!result.clusters.empty() && (*low < 0 || *high >= result.k)) {
    throw InputError(
        group + "/assignment of " + place.file.string() + " names cluster " + std::to_string(*low < 0 ? *low : *high),
        "there are " + std::to_string(result.k), "Cluster again.");
  }
  return result;
}

Centroids read_centroids(const std::string& text) {
  const auto place = parse_dataset_path(text, "/centroids");
  const Hdf5Reader reader(place.file);
  reader.verify();
  const Shape shape = reader.matrix_shape(place.dataset);
  Centroids centroids;
  centroids.k = checked_cast<int>(shape[0], "The number of centroids");
  centroids.dim = checked_cast<int>(shape[1], "The width of the centroids");
  centroids.values.resize(static_cast<std::size_t>(element_count(shape)));
  reader.read_rows_as_float(place.dataset, 0, shape[0], centroids.values);
  require_finite(centroids.values, centroids.dim, 0, place.dataset + " in " + place.file.string());
  return centroids;
}

}  // namespace datus
