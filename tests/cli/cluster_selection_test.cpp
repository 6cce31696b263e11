// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <vector>

// Which K?: what `datus cluster` prints and stores of several values of K, on plain files and in a run.
namespace datus::test {
namespace cluster_selection_test {

namespace fs = std::filesystem;

constexpr std::int64_t rows = 300;
constexpr std::int64_t dim = 6;
constexpr int blobs = 4;

/// Blobs in the corners of a cube.
std::vector<float> blob_rows() {
  std::mt19937 generator(3);
  std::normal_distribution<float> noise(0.0F, 0.3F);
  std::vector<float> values;
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t d = 0; d < dim; ++d) values.push_back((i % blobs == d ? 4.0F : 0.0F) + noise(generator));
  }
  return values;
}

/// A line of the printed table.
struct Line {
  int iterations = 0;
  std::string inertia, of_previous, silhouette, stability;
};

/// By K, in the order of the lines.
std::vector<std::pair<int, Line>> printed_table(const std::string& output) {
  std::vector<std::pair<int, Line>> lines;
  std::istringstream stream(output.substr(std::min(output.size(), output.find("stability\n") + 10)));
  int k = 0;
  Line line;
  while (stream >> k >> line.iterations >> line.inertia >> line.of_previous >> line.silhouette >> line.stability) {
    lines.emplace_back(k, line);
  }
  return lines;
}

std::string four_decimals(double value) {
  char text[32];
  (void)std::snprintf(text, sizeof text, "%.4f", value);
  return text;
}

std::string four_decimals(const std::optional<double>& value) {
  return value ? four_decimals(*value) : "-";
}

std::optional<double> attribute_of(const Hdf5Reader& reader, const std::string& object, const std::string& name) {
  if (!reader.has_attribute(object, name)) return std::nullopt;
  return reader.attribute<double>(object, name);
}

/// The definition, in double precision.
double exact_silhouette(const std::vector<float>& values, const std::vector<float>& centroids) {
  double sum = 0.0;
  for (std::int64_t i = 0; i < rows; ++i) {
    std::vector<double> distances;
    for (std::size_t c = 0; c * dim < centroids.size(); ++c) {
      double squared = 0.0;
      for (std::size_t d = 0; d < dim; ++d) {
        const double of_row = static_cast<double>(values[static_cast<std::size_t>(i * dim) + d]);
        squared += std::pow(of_row - static_cast<double>(centroids[c * dim + d]), 2.0);
      }
      distances.push_back(std::sqrt(squared));
    }
    std::partial_sort(distances.begin(), distances.begin() + 2, distances.end());
    sum += (distances[1] - distances[0]) / distances[1];
  }
  return sum / static_cast<double>(rows);
}

class Selection : public testing::Test {
 protected:
  Selection() {
    write_hdf5(file("rows.h5"), [&](Hdf5Writer& writer) { writer.write<float>("descriptor", values_, {rows, dim}); });
  }
  [[nodiscard]] Outcome cluster(const std::string& k, int restarts, int ranks = 0) const {
    return run_program({"cluster", "--descriptors", file("rows.h5").string(), "--k", k, "--out",
                        file("out.h5").string(), "--set", "cluster.restarts=" + std::to_string(restarts)},
                       {.ranks = ranks});
  }
  [[nodiscard]] fs::path file(const std::string& name) const { return folder_ / name; }

  std::vector<float> values_ = blob_rows();

 private:
  TempFolder folder_;
};

TEST_F(Selection, PrintedAndStoredValuesAgree) {
  for (const int restarts : {1, 3}) {
    SCOPED_TRACE(restarts);
    const Outcome outcome = cluster("5,1,4,2,6", restarts);
    ASSERT_EQ(outcome.code, 0) << outcome;
    EXPECT_EQ(outcome.out.substr(0, 9), "300 rows\n");
    const auto table = printed_table(outcome.out);
    ASSERT_EQ(table.size(), 5U) << outcome;
    const Hdf5Reader reader(file("out.h5"));
    EXPECT_EQ(reader.verify(), VerifyResult::verified);
    const auto k = reader.read<std::int64_t>("/selection/k");
    const auto inertia = reader.read<double>("/selection/inertia");
    const auto silhouettes = reader.read<double>("/selection/silhouette");
    const auto stabilities = reader.read<double>("/selection/stability");
    EXPECT_EQ(k, (std::vector<std::int64_t>{1, 2, 4, 5, 6}));
    for (std::size_t i = 0; i < k.size(); ++i) {
      SCOPED_TRACE(k[i]);
      const std::string group = "/k00" + std::to_string(k[i]);
      const auto& [printed_k, line] = table[i];
      EXPECT_EQ(printed_k, k[i]);
      EXPECT_EQ(line.iterations, reader.attribute<std::int64_t>(group, "iterations"));
      EXPECT_EQ(inertia[i], reader.attribute<double>(group, "inertia"));
      EXPECT_NEAR(std::stod(line.inertia), inertia[i], 1e-7 * inertia[i]);
      EXPECT_EQ(line.of_previous, i == 0 ? "-" : four_decimals(inertia[i] / inertia[i - 1]));
      const auto silhouette = attribute_of(reader, group, "silhouette");
      const auto stability = attribute_of(reader, group, "stability");
      EXPECT_EQ(line.silhouette, four_decimals(silhouette));
      EXPECT_EQ(line.stability, four_decimals(stability));
      EXPECT_EQ(silhouette.has_value(), k[i] > 1);
      EXPECT_EQ(stability.has_value(), k[i] > 1 && restarts > 1);
      EXPECT_TRUE(silhouette ? silhouettes[i] == *silhouette : std::isnan(silhouettes[i]));
      EXPECT_TRUE(stability ? stabilities[i] == *stability : std::isnan(stabilities[i]));
      if (silhouette) {
        EXPECT_NEAR(*silhouette, exact_silhouette(values_, reader.read<float>(group + "/centroids")), 1e-5);
      }
    }
    EXPECT_NE(outcome.out.find("largest silhouette: K = 4"), std::string::npos) << outcome;
    EXPECT_EQ(outcome.out.find("most stable: K = ") != std::string::npos, restarts > 1) << outcome;
  }
}

// The restarts of a K that does not fit find different partitions; those of the right one agree.
TEST_F(Selection, TheRightKIsStable) {
  ASSERT_EQ(cluster("4,6", 5).code, 0);
  const Hdf5Reader reader(file("out.h5"));
  EXPECT_EQ(reader.attribute<double>("/k004", "stability"), 1.0);
  EXPECT_LT(reader.attribute<double>("/k006", "stability"), 0.99);
}

TEST_F(Selection, RanksDoNotShow) {
  for (const int restarts : {1, 3}) {
    std::string first;
    std::string first_output;
    for (const int ranks : {1, 2, 3}) {
      const Outcome outcome = cluster("3,7", restarts, ranks);
      ASSERT_EQ(outcome.code, 0) << outcome;
      if (first.empty()) {
        first = bytes_of(file("out.h5"));
        first_output = outcome.out;
      }
      EXPECT_TRUE(bytes_of(file("out.h5")) == first) << ranks << " ranks, " << restarts << " restarts";
      EXPECT_EQ(outcome.out, first_output);
    }
  }
}

/// Values of K in RUN/clusters/selection.json, as in the files beside it.
std::vector<int> checked_selection(const fs::path& run) {
  std::vector<int> found;
  const auto selection = nlohmann::json::parse(bytes_of(run / "clusters" / "selection.json"));
  for (const auto& entry : selection["values"]) {
    found.push_back(entry["k"]);
    const Hdf5Reader reader(run / "clusters" / ("k00" + std::to_string(found.back())) / "centroids.h5");
    for (const char* name : {"inertia", "silhouette", "stability"}) {
      EXPECT_EQ(entry[name].get<double>(), reader.attribute<double>("/", name)) << name;
    }
    EXPECT_EQ(entry["iterations"].get<std::int64_t>(), reader.attribute<std::int64_t>("/", "iterations"));
  }
  return found;
}

TEST_F(Selection, ARunKeepsValuesThatAreUpToDate) {
  const fs::path images = file("images");
  fs::create_directories(images);
  for (const char* stem : {"d_r_47_", "n_l_12_"}) {
    const std::string name = std::string(stem) + ".jpg";
    fs::copy_file(source_path("data/suim8/images") / name, images / name);
  }
  const auto run = [&](const std::string& command, const std::string& k, int ranks = 0) {
    return run_program({command, source_path("tests/data/sample.yaml").string(), "--run", file("run").string(), "--set",
                        "dataset.kind=folder", "--set", "dataset.images=" + images.string(), "--set",
                        "dataset.truth=null", "--set", "model.input_size=160", "--set", "cluster.k=" + k},
                       {.ranks = ranks});
  };
  const Outcome first = run("run", "[4,2]");
  ASSERT_EQ(first.code, 0) << first;
  EXPECT_EQ(checked_selection(file("run")), (std::vector<int>{2, 4}));
  EXPECT_EQ(printed_table(first.out).size(), 2U) << first;
  EXPECT_NE(bytes_of(file("run") / "report" / "index.html").find("Which K?"), std::string::npos);

  const Outcome second = run("cluster", "[5,4]", 2);
  ASSERT_EQ(second.code, 0) << second;
  EXPECT_NE(second.out.find("K = 4: up to date"), std::string::npos) << second;
  EXPECT_EQ(checked_selection(file("run")), (std::vector<int>{4, 5}));
  const auto table = printed_table(second.out);
  ASSERT_EQ(table.size(), 2U) << second;
  EXPECT_EQ(table[0].second.silhouette, printed_table(first.out)[1].second.silhouette);
  EXPECT_EQ(table[0].second.stability, printed_table(first.out)[1].second.stability);
}

}  // namespace cluster_selection_test
}  // namespace datus::test
