// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/cluster_examples.hpp"

#include "datus/core/types.hpp"
#include "pipeline/files/dataset_checks.hpp"

#include <algorithm>
#include <cstddef>

namespace datus {
namespace {

void write_rows(Hdf5Writer& writer, const std::string& name, const ExampleRows& rows) {
  const std::int64_t clusters = std::ssize(rows.row) / std::max(rows.count, 1);
  const Shape shape = {clusters, rows.count};
  writer.write<std::int64_t>(name + "_row", rows.row, shape);
  writer.write<double>(name + "_distance", rows.distance, shape);
  if (rows.image.empty()) return;
  writer.write<std::int64_t>(name + "_image", rows.image, shape);
  writer.write<std::int32_t>(name + "_segment", rows.segment, shape);
}

void write_both(Hdf5Writer& writer, const std::string& prefix, const ClusterExamples& examples) {
  write_rows(writer, prefix + "nearest", examples.nearest);
  write_rows(writer, prefix + "farthest", examples.farthest);
}

ExampleRows read_rows(const Hdf5Reader& reader, const std::string& name, std::int64_t clusters) {
  const Shape shape = reader.shape(name + "_row", 2);
  require_shape(reader, name + "_row", {clusters, shape[1]}, "one row per cluster");
  require_shape(reader, name + "_distance", shape, "one distance per row");
  ExampleRows rows{.count = checked_cast<int>(shape[1], "The number of examples"),
                   .row = reader.read<std::int64_t>(name + "_row"),
                   .distance = reader.read<double>(name + "_distance"),
                   .image = {},
                   .segment = {}};
  if (!reader.has(name + "_image")) return rows;
  require_shape(reader, name + "_image", shape, "one image per row");
  require_shape(reader, name + "_segment", shape, "one segment per row");
  rows.image = reader.read<std::int64_t>(name + "_image");
  rows.segment = reader.read<std::int32_t>(name + "_segment");
  return rows;
}

ClusterExamples read_both(const Hdf5Reader& reader, const std::string& prefix, const std::string& centroids) {
  const std::int64_t clusters = reader.shape(centroids, 2)[0];
  return {read_rows(reader, prefix + "nearest", clusters), read_rows(reader, prefix + "farthest", clusters)};
}

}  // namespace

void write_cluster_examples(Hdf5Writer& writer, const std::string& group, const ExamplesOfK& examples) {
  write_both(writer, group + "/", examples.clusters);
  if (examples.fine) write_both(writer, group + "/fine_", *examples.fine);
}

ExamplesOfK read_cluster_examples(const Hdf5Reader& reader, const std::string& group) {
  ExamplesOfK examples{.clusters = read_both(reader, group + "/", group + "/centroids"), .fine = std::nullopt};
  if (reader.has(group + "/fine_centroids")) {
    examples.fine = read_both(reader, group + "/fine_", group + "/fine_centroids");
  }
  return examples;
}

}  // namespace datus
