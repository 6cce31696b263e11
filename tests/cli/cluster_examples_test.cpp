// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"
#include "support/run_files.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

// The rows that are stored as examples of each cluster, of a run and of plain files, against all rows sorted.
namespace datus::test {
namespace cluster_examples_test {

namespace fs = std::filesystem;

/// The rows of a clustering, as the files that h5py would read have them.
struct Rows {
  std::vector<float> values;
  std::size_t dim = 0;
  std::vector<std::int64_t> image;  ///< empty for plain files
  std::vector<std::int32_t> segment;
};

Rows rows_of_run(const fs::path& run) {
  const Hdf5Reader reader(run / "descriptors.h5");
  return {reader.read<float>("descriptor"), static_cast<std::size_t>(reader.shape("descriptor")[1]),
          reader.read<std::int64_t>("image"), reader.read<std::int32_t>("segment")};
}

/// Checks the datasets /GROUP/NAME_* against the definition, for the clusters of `labels`. `sign` is -1 for the
/// farthest.
void check_examples(const Hdf5Reader& reader, const std::string& group, const std::string& name, double sign,
                    const std::string& centroids_name, const std::vector<std::int32_t>& labels, const Rows& rows) {
  SCOPED_TRACE(reader.path().string() + ": " + group + "/" + name);
  const auto centroids = reader.read<double>(group + "/" + centroids_name);
  const auto k = static_cast<std::size_t>(reader.shape(group + "/" + centroids_name)[0]);
  const std::string prefix = group + "/" + name;
  const auto count = static_cast<std::size_t>(reader.shape(prefix + "_row")[1]);
  EXPECT_EQ(count, sign > 0 ? 16U : 4U);
  const auto row = reader.read<std::int64_t>(prefix + "_row");
  const auto distance = reader.read<double>(prefix + "_distance");
  ASSERT_EQ(row.size(), k * count);
  EXPECT_EQ(reader.has(prefix + "_image"), !rows.image.empty());
  const auto image = rows.image.empty() ? row : reader.read<std::int64_t>(prefix + "_image");
  const auto segment =
      rows.image.empty() ? std::vector<std::int32_t>() : reader.read<std::int32_t>(prefix + "_segment");
  for (std::size_t cluster = 0; cluster < k; ++cluster) {
    std::vector<std::pair<double, std::size_t>> all;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (labels[i] != static_cast<std::int32_t>(cluster)) continue;
      double square = 0;
      for (std::size_t d = 0; d < rows.dim; ++d) {
        const double difference =
            static_cast<double>(rows.values[i * rows.dim + d]) - centroids[cluster * rows.dim + d];
        square = std::fma(difference, difference, square);
      }
      all.emplace_back(sign * std::sqrt(square), i);
    }
    std::ranges::sort(all);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = cluster * count + i;
      if (i >= all.size()) {
        EXPECT_EQ(row[at], -1);
        EXPECT_TRUE(std::isnan(distance[at]));
        if (!rows.image.empty()) {
          EXPECT_EQ(image[at], -1);
          EXPECT_EQ(segment[at], -1);
        }
        continue;
      }
      EXPECT_EQ(row[at], static_cast<std::int64_t>(all[i].second)) << cluster << ", " << i;
      EXPECT_EQ(distance[at], std::abs(all[i].first));
      if (rows.image.empty()) continue;
      EXPECT_EQ(image[at], rows.image[all[i].second]);
      EXPECT_EQ(segment[at], rows.segment[all[i].second]);
    }
  }
}

/// Both ends, of the clusters of K and of the fine ones where there are any: of these, rows have the nearest.
void check_all(const Hdf5Reader& reader, const std::string& group, const std::vector<std::int32_t>& labels,
               const Rows& rows) {
  check_examples(reader, group, "nearest", 1, "centroids", labels, rows);
  check_examples(reader, group, "farthest", -1, "centroids", labels, rows);
  if (!reader.has(group + "/fine_centroids")) return;
  const auto fine = reader.read<double>(group + "/fine_centroids");
  std::vector<std::int32_t> fine_labels;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    std::vector<double> squares;
    for (std::size_t c = 0; c * rows.dim < fine.size(); ++c) {
      double square = 0;
      for (std::size_t d = 0; d < rows.dim; ++d) {
        const double difference = static_cast<double>(rows.values[i * rows.dim + d]) - fine[c * rows.dim + d];
        square = std::fma(difference, difference, square);
      }
      squares.push_back(square);
    }
    fine_labels.push_back(static_cast<std::int32_t>(std::ranges::min_element(squares) - squares.begin()));
  }
  check_examples(reader, group, "fine_nearest", 1, "fine_centroids", fine_labels, rows);
  check_examples(reader, group, "fine_farthest", -1, "fine_centroids", fine_labels, rows);
}

class Examples : public testing::Test {
 protected:
  void SetUp() override {
    write_test_images(folder_ / "images", 9);
    write_bytes(folder_ / "mine.yaml", "preset: best\ndataset: {images: images, shard_size: 2}\nmodel: {weights: '" +
                                           tiny_weights() +
                                           "', heads: 2, input_size: [48, 64]}\n"
                                           "segment: {min_patches: 0}\ncluster: {k: [2, 3], fine: 12}\n");
  }
  [[nodiscard]] Outcome run(const std::string& command, const Arguments& more = {}, int ranks = 0) const {
    Arguments arguments = {command, "mine.yaml", "--run", "run"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, {.folder = folder_.path(), .ranks = ranks});
  }
  [[nodiscard]] fs::path path(const std::string& name) const { return folder_ / name; }
  void check_run(const std::string& name) const {
    const Rows rows = rows_of_run(path(name));
    ASSERT_GT(rows.image.size(), 20U);
    for (const std::string k : {"k002", "k003"}) {
      const fs::path clusters = path(name) / "clusters" / k;
      check_all(Hdf5Reader(clusters / "centroids.h5"), "",
                Hdf5Reader(clusters / "assignment.h5").read<std::int32_t>("assignment"), rows);
    }
  }

 private:
  TempFolder folder_;
};

TEST_F(Examples, AreTheNearestAndFarthestRowsOnAnyRanks) {
  for (const std::string fine : {"12", "null"}) {
    SCOPED_TRACE("cluster.fine = " + fine);
    const Arguments settings = {"--set", "cluster.fine=" + fine};
    const Outcome outcome = run(fine == "12" ? "run" : "cluster", settings);
    ASSERT_EQ(outcome.code, 0) << outcome;
    check_run("run");
    const Contents reference = results_of(path("run/clusters"));
    for (const int ranks : {2, 3, 4}) {
      fs::remove_all(path("run/clusters"));
      const Outcome again = run("cluster", settings, ranks);
      ASSERT_EQ(again.code, 0) << again;
      EXPECT_EQ(joined_lines(differences(path("run/clusters"), reference)), "") << ranks;
    }
  }
}

TEST_F(Examples, OfAKThatIsAddedAndOfAppliedRuns) {
  ASSERT_EQ(run("run", {"--set", "cluster.k=3"}).code, 0);
  const Outcome grown = run("cluster", {}, 2);
  ASSERT_EQ(grown.code, 0) << grown;
  check_run("run");
  write_png(path("images/new.png"), test_image(70, 90, 77));
  const Outcome applied =
      run_program({"apply", "run", "--images", "images", "--run", "applied"}, {.folder = path(""), .ranks = 3});
  ASSERT_EQ(applied.code, 0) << applied;
  check_run("applied");
}

TEST_F(Examples, OfPlainFiles) {
  for (const std::string stage : {"extract", "segment", "describe"}) ASSERT_EQ(run(stage).code, 0);
  Rows rows = rows_of_run(path("run"));
  rows.image.clear();
  for (const std::string fine : {"12", "null"}) {
    std::string first;
    for (const int ranks : {0, 3}) {
      const Outcome outcome = run_program({"cluster", "--descriptors", "run/descriptors", "--k", "2,3", "--out", "c.h5",
                                           "--set", "cluster.fine=" + fine},
                                          {.folder = path(""), .ranks = ranks});
      ASSERT_EQ(outcome.code, 0) << outcome;
      const Hdf5Reader reader(path("c.h5"));
      for (const std::string k : {"/k002", "/k003"}) {
        check_all(reader, k, reader.read<std::int32_t>(k + "/assignment"), rows);
      }
      if (first.empty()) first = bytes_of(path("c.h5"));
      EXPECT_TRUE(bytes_of(path("c.h5")) == first) << ranks;
    }
  }
}

}  // namespace cluster_examples_test
}  // namespace datus::test
