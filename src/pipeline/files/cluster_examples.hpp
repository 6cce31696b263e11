// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/extreme_rows.hpp"
#include "datus/io/hdf5_reader.hpp"
#include "datus/io/hdf5_writer.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace datus {

/// How many rows are stored of each cluster.
inline constexpr ExtremeCounts example_counts{.nearest = 16, .farthest = 4};

/// Rows that show what clusters are, [K, count]: /NAME_row i64 (row of the assignment) and /NAME_distance f64 (to the
/// centroid), in a run also /NAME_image i64 (position in the frozen list) and /NAME_segment i32 (id within the image).
/// A cluster with fewer rows has -1 and NaN behind its last.
struct ExampleRows {
  int count = 0;
  std::vector<std::int64_t> row;
  std::vector<double> distance;
  std::vector<std::int64_t> image;    ///< empty for plain files
  std::vector<std::int32_t> segment;  ///< likewise
  friend bool operator==(const ExampleRows&, const ExampleRows&) = default;
};

/// NAME is "nearest" (the nearest first) and "farthest" (the farthest first).
struct ClusterExamples {
  ExampleRows nearest;
  ExampleRows farthest;
  friend bool operator==(const ClusterExamples&, const ClusterExamples&) = default;
};

/// Of the clusters of one K, and of the fine ones that it was cut from.
struct ExamplesOfK {
  ClusterExamples clusters;
  std::optional<ClusterExamples> fine;  ///< NAME begins with "fine_"
};

/// Writes the datasets into `group` ("" for the root).
void write_cluster_examples(Hdf5Writer& writer, const std::string& group, const ExamplesOfK& examples);

/// Those of RUN/clusters/kK/centroids.h5, or of a group of a clusters file. Whoever opened the file has verified it.
/// Throws `InputError` naming it where they are missing or do not fit its centroids.
[[nodiscard]] ExamplesOfK read_cluster_examples(const Hdf5Reader& reader, const std::string& group);

}  // namespace datus
