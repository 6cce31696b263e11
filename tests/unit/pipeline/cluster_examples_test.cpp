// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/cluster_examples.hpp"

#include "datus/core/error.hpp"
#include "datus/io/hdf5.hpp"
#include "support/errors.hpp"
#include "support/temp_folder.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace cluster_examples_test {

ExampleRows rows_of(std::int64_t clusters, int count, bool in_run) {
  ExampleRows rows{.count = count, .row = {}, .distance = {}, .image = {}, .segment = {}};
  for (std::int64_t i = 0; i < clusters * count; ++i) {
    rows.row.push_back(100 + i);
    rows.distance.push_back(0.5 * static_cast<double>(i));
    if (!in_run) continue;
    rows.image.push_back(i % 7);
    rows.segment.push_back(static_cast<std::int32_t>(i % 3));
  }
  return rows;
}

ExamplesOfK examples_of(bool in_run, bool has_fine) {
  ExamplesOfK examples{.clusters = {rows_of(2, 3, in_run), rows_of(2, 1, in_run)}, .fine = std::nullopt};
  if (has_fine) examples.fine = ClusterExamples{rows_of(5, 3, in_run), rows_of(5, 1, in_run)};
  return examples;
}

/// A file with centroids of two clusters and of five fine ones, and with `fill`.
template <class Fill>
std::filesystem::path write_file(const TempFolder& folder, const std::string& group, bool has_fine, const Fill& fill) {
  const auto path = folder / "clusters.h5";
  Hdf5Writer writer(path);
  if (!group.empty()) writer.group(group);
  writer.write<float>(group + "/centroids", std::vector<float>(8, 1.0F), {2, 4});
  if (has_fine) writer.write<float>(group + "/fine_centroids", std::vector<float>(20, 1.0F), {5, 4});
  fill(writer);
  writer.close();
  return path;
}

TEST(ClusterExamples, ComeBackAsWritten) {
  for (const std::string group : {"", "/k002"}) {
    for (const bool in_run : {false, true}) {
      for (const bool has_fine : {false, true}) {
        const TempFolder folder;
        const ExamplesOfK written = examples_of(in_run, has_fine);
        const auto path = write_file(folder, group, has_fine,
                                     [&](Hdf5Writer& writer) { write_cluster_examples(writer, group, written); });
        const ExamplesOfK read = read_cluster_examples(Hdf5Reader(path), group);
        EXPECT_EQ(read.clusters, written.clusters);
        EXPECT_EQ(read.fine, written.fine);
      }
    }
  }
}

TEST(ClusterExamples, MissingAndOtherOnesAreRefused) {
  const TempFolder folder;
  const auto refused = [&](const std::vector<std::string>& words, const auto& fill) {
    const auto path = write_file(folder, "/k002", true, fill);
    expect_error<InputError>([&] { (void)read_cluster_examples(Hdf5Reader(path), "/k002"); }, words);
  };
  refused({"clusters.h5", "/k002/nearest_row"}, [](Hdf5Writer&) {});
  // Those of the fine clusters are not there.
  refused({"/k002/fine_nearest_row"},
          [](Hdf5Writer& writer) { write_cluster_examples(writer, "/k002", examples_of(true, false)); });
  // Of other numbers of clusters.
  refused({"contradicts itself", "(/k002/nearest_row has the shape [5, 3], not [2, 3]"}, [](Hdf5Writer& writer) {
    const ExamplesOfK five{.clusters = *examples_of(true, true).fine, .fine = std::nullopt};
    write_cluster_examples(writer, "/k002", five);
  });
}

}  // namespace cluster_examples_test
}  // namespace datus::test
