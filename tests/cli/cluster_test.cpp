// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <vector>

// `datus cluster` on matrices of plain files against the golden Lloyd iterations.
namespace datus::test {
namespace cluster_test {

namespace fs = std::filesystem;

struct GoldenCase {
  nlohmann::json facts;
  std::map<std::string, GoldenTensor> tensors;
  std::vector<float> data;
  std::int64_t rows = 0;
  std::int64_t dim = 0;
  int k = 0;
};

GoldenCase golden_case(const std::string& name) {
  const auto all = read_json("golden/kmeans/cases.json");
  for (const auto& facts : all["cases"]) {
    if (facts["name"] != name) continue;
    GoldenCase golden{facts,     read_golden("golden/kmeans/" + name + ".safetensors"), {}, facts["n"], facts["d"],
                      facts["k"]};
    golden.data = golden.tensors.at("data").as<float>();
    return golden;
  }
  throw std::runtime_error("no golden case " + name);
}

/// "k027" of K = 27.
std::string group_of(int k) {
  const std::string digits = std::to_string(k);
  return "/k" + std::string(3 - digits.size(), '0') + digits;
}

class ClusterCommand : public testing::Test {
 protected:
  void write_matrix(const GoldenCase& golden, const std::string& dataset = "descriptor") const {
    write_hdf5(file("rows.h5"), [&](Hdf5Writer& writer) {
      writer.write<float>(dataset, golden.data, {golden.rows, golden.dim});
    });
  }
  void write_initial(const GoldenCase& golden) const {
    write_hdf5(file("initial.h5"), [&](Hdf5Writer& writer) {
      writer.write<float>("first/centroids", golden.tensors.at("initial_centroids").as<float>(),
                          {golden.k, golden.dim});
    });
  }
  /// `cluster --descriptors rows.h5 --k K --out out.h5` and `more`.
  [[nodiscard]] Outcome cluster(const std::string& k, const Arguments& more = {}, const Launch& launch = {},
                                const std::string& dataset = "") const {
    Arguments arguments = {"cluster", "--descriptors",        file("rows.h5").string() + dataset, "--k", k,
                           "--out",   file("out.h5").string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, launch);
  }
  [[nodiscard]] Arguments from_initial(int iterations) const {
    return {"--init", file("initial.h5").string() + ":/first/centroids",
            "--set",  "cluster.max_iterations=" + std::to_string(iterations),
            "--set",  "cluster.tolerance=0"};
  }
  [[nodiscard]] fs::path file(const std::string& name) const { return folder_ / name; }

 private:
  TempFolder folder_;
};

void expect_golden(const fs::path& path, const GoldenCase& golden, const std::string& iteration, bool converged) {
  const Hdf5Reader reader(path);
  EXPECT_EQ(reader.verify(), VerifyResult::verified);
  const std::string group = group_of(golden.k);
  const auto& facts = golden.facts[iteration];
  EXPECT_EQ(reader.dtype(group + "/assignment"), Dtype::i32);
  EXPECT_EQ(reader.read<std::int32_t>(group + "/assignment"),
            golden.tensors.at(iteration + ".labels_after").as<std::int32_t>());
  EXPECT_EQ(reader.dtype(group + "/centroids"), Dtype::f32);
  EXPECT_EQ(reader.shape(group + "/centroids"), (Shape{golden.k, golden.dim}));
  const auto centroids = reader.read<float>(group + "/centroids");
  const auto expected = golden.tensors.at(iteration + ".centroids").as<double>();
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(centroids[i]), expected[i], 1e-5) << "value " << i;
  }
  EXPECT_EQ(reader.dtype(group + "/inertia"), Dtype::f64);
  const auto inertia = reader.read<double>(group + "/inertia");
  ASSERT_FALSE(inertia.empty());
  const auto iterations = static_cast<std::int64_t>(inertia.size());
  EXPECT_EQ(reader.attribute<std::int64_t>(group, "iterations"), iterations);
  EXPECT_EQ(reader.attribute<std::int64_t>(group, "seed"), 0);
  EXPECT_EQ(reader.attribute<std::int64_t>(group, "converged"), converged ? 1 : 0);
  const double after = facts["inertia_after"];
  EXPECT_NEAR(reader.attribute<double>(group, "inertia"), after, 1e-6 * after);
  if (converged) return;
  EXPECT_EQ(iterations, facts["updates"].get<std::int64_t>());
  const double last = facts["inertia"];
  EXPECT_NEAR(inertia.back(), last, 1e-6 * last);
}

TEST_F(ClusterCommand, GoldenIterationsFromGivenCentroids) {
  struct Check {
    const char* name;
    const char* iteration;
    int limit;
    bool converged;
    int ranks;
  };
  const std::vector<Check> checks = {
      {"separated", "iteration1", 1, false, 0},   {"separated", "iteration2", 2, false, 0},
      {"separated", "converged", 100, true, 0},   {"overlapping", "iteration1", 1, false, 0},
      {"overlapping", "iteration2", 2, false, 3}, {"overlapping", "iteration5", 5, false, 0},
      {"overlapping", "converged", 100, true, 2}, {"ties", "iteration1", 1, false, 0},
  };
  for (const auto& check : checks) {
    SCOPED_TRACE(std::string(check.name) + ", " + check.iteration);
    const GoldenCase golden = golden_case(check.name);
    write_matrix(golden);
    write_initial(golden);
    const Outcome outcome = cluster(std::to_string(golden.k), from_initial(check.limit), {.ranks = check.ranks});
    ASSERT_EQ(outcome.code, 0) << outcome;
    expect_golden(file("out.h5"), golden, check.iteration, check.converged);
  }
}

TEST_F(ClusterCommand, TheTypeOfTheMatrixAndItsPlaceMakeNoDifference) {
  const GoldenCase golden = golden_case("overlapping");
  // Values that float16 holds.
  std::vector<half> halves(golden.data.size());
  to_half(golden.data, halves);
  std::vector<float> floats(halves.size());
  to_float(halves, floats);
  const std::vector<double> doubles(floats.begin(), floats.end());
  const Shape shape = {golden.rows, golden.dim};
  write_hdf5(file("rows.h5"), [&](Hdf5Writer& writer) {
    writer.write<half>("group/deep/f16", halves, shape);
    writer.write<float>("f32", floats, shape);
    writer.write<double>("f64", doubles, shape, ChunkHint::per_row);
  });
  std::string first;
  for (const char* dataset : {":/group/deep/f16", ":/f32", ":/f64"}) {
    const Outcome outcome = cluster("8", {}, {}, dataset);
    ASSERT_EQ(outcome.code, 0) << outcome;
    if (first.empty()) first = bytes_of(file("out.h5"));
    EXPECT_TRUE(bytes_of(file("out.h5")) == first) << dataset;
  }
}

/// Every row is assigned to its nearest centroid, by brute force, but for close calls.
void expect_nearest(const GoldenCase& golden, const std::vector<float>& centroids,
                    const std::vector<std::int32_t>& assignment) {
  const auto dim = static_cast<std::size_t>(golden.dim);
  ASSERT_EQ(assignment.size(), static_cast<std::size_t>(golden.rows));
  for (std::size_t row = 0; row < assignment.size(); ++row) {
    std::vector<double> distances;
    for (std::size_t c = 0; c * dim < centroids.size(); ++c) {
      double sum = 0;
      for (std::size_t d = 0; d < dim; ++d) {
        const double difference =
            static_cast<double>(golden.data[row * dim + d]) - static_cast<double>(centroids[c * dim + d]);
        sum += difference * difference;
      }
      distances.push_back(sum);
    }
    const double smallest = *std::min_element(distances.begin(), distances.end());
    EXPECT_LE(distances.at(static_cast<std::size_t>(assignment[row])), smallest * (1 + 1e-5) + 1e-6) << "row " << row;
  }
}

TEST_F(ClusterCommand, SeveralKTogetherAreEachAsAlone) {
  const GoldenCase golden = golden_case("overlapping");
  write_matrix(golden);
  ASSERT_EQ(cluster("8", {"--set", "run.seed=5"}).code, 0);
  const Hdf5Reader alone(file("out.h5"));
  const auto assignment = alone.read<std::int32_t>("/k008/assignment");
  const auto centroids = alone.read<float>("/k008/centroids");

  const Outcome outcome = cluster("3,8,12", {"--set", "run.seed=5"});
  ASSERT_EQ(outcome.code, 0) << outcome;
  const Hdf5Reader together(file("out.h5"));
  EXPECT_EQ(together.read<std::int32_t>("/k008/assignment"), assignment);
  EXPECT_EQ(together.read<float>("/k008/centroids"), centroids);
  for (const int k : {3, 8, 12}) {
    const std::string group = group_of(k);
    EXPECT_NE(outcome.out.find(" " + std::to_string(k) + "  "), std::string::npos) << outcome;
    EXPECT_EQ(together.shape(group + "/centroids"), (Shape{k, golden.dim}));
    EXPECT_EQ(together.attribute<std::int64_t>(group, "seed"), 5);
    EXPECT_EQ(together.attribute<std::int64_t>(group, "converged"), 1);
    expect_nearest(golden, together.read<float>(group + "/centroids"),
                   together.read<std::int32_t>(group + "/assignment"));
  }
}

TEST_F(ClusterCommand, RanksWriteTheSameFile) {
  write_matrix(golden_case("overlapping"));
  ASSERT_EQ(cluster("5,7", {"--set", "cluster.restarts=3"}).code, 0);
  const std::string alone = bytes_of(file("out.h5"));
  const Outcome outcome = cluster("5,7", {"--set", "cluster.restarts=3"}, {.ranks = 3});
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_TRUE(bytes_of(file("out.h5")) == alone);
}

TEST_F(ClusterCommand, AssignToGivenCentroids) {
  const GoldenCase golden = golden_case("separated");
  write_matrix(golden);
  write_initial(golden);
  for (const int ranks : {0, 2}) {
    const Outcome outcome =
        run_program({"cluster", "--assign", file("rows.h5").string() + ":/descriptor", "--centroids",
                     file("initial.h5").string() + ":/first/centroids", "--out", file("assigned.h5").string()},
                    {.ranks = ranks});
    ASSERT_EQ(outcome.code, 0) << outcome;
    const Hdf5Reader reader(file("assigned.h5"));
    EXPECT_EQ(reader.verify(), VerifyResult::verified);
    EXPECT_EQ(reader.read<std::int32_t>("assignment"), golden.tensors.at("iteration1.labels").as<std::int32_t>());
    const double inertia = golden.facts["iteration1"]["inertia"];
    EXPECT_NEAR(reader.attribute<double>("/", "inertia"), inertia, 1e-6 * inertia);
  }
}

// By the ending, in a folder; files of other endings are nobody's rows.
TEST_F(ClusterCommand, EveryEndingOfHdf5InAFolder) {
  fs::create_directory(file("rows"));
  for (const char* name : {"a.h5", "b.HDF5", "c.H5", "d.hdf5"}) {
    write_hdf5(file("rows") / name, [](Hdf5Writer& writer) {
      writer.write<float>("descriptor", std::vector<float>{1, 2, 3, 4}, {2, 2});
    });
  }
  write_bytes(file("rows") / "e.txt", "no rows");
  const Outcome outcome =
      run_program({"cluster", "--descriptors", file("rows").string(), "--k", "2", "--out", file("out.h5").string()});
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_EQ(Hdf5Reader(file("out.h5")).shape("k002/assignment"), Shape{8});
}

TEST_F(ClusterCommand, BadMatricesAreRefused) {
  GoldenCase golden = golden_case("separated");
  const Launch three = {.ranks = 3, .limit = std::chrono::seconds(30)};
  const auto refuse = [&](const Outcome& outcome, int code, const std::vector<std::string>& words) {
    expect_refusal(outcome, code, words);
    EXPECT_FALSE(fs::exists(file("out.h5")));
  };
  write_matrix(golden);
  refuse(cluster("0"), 2, {"cluster.k", "0"});
  refuse(cluster("301", {}, three), 3, {"301", "300", "rows.h5"});
  refuse(cluster("5", {}, {}, ":/missing"), 3, {"rows.h5", "missing"});
  write_hdf5(file("initial.h5"), [](Hdf5Writer& writer) {
    writer.write<float>("first/centroids", std::vector<float>(5 * 7, 1.0F), {5, 7});
  });
  refuse(cluster("5", from_initial(2)), 3, {"initial.h5", "7", "8"});
  refuse(cluster("4", from_initial(2)), 2, {"initial.h5", "5"});

  const std::vector<std::string> words = {"these", "are", "words"};
  write_hdf5(file("rows.h5"), [&](Hdf5Writer& writer) {
    writer.write<float>("empty", {}, {0, 8});
    writer.write_names("text", words);
    writer.write<std::int32_t>("numbers", std::vector<std::int32_t>(16, 1), {2, 8});
    writer.write<float>("line", std::vector<float>(8, 1.0F), {8});
  });
  refuse(cluster("2", {}, {}, ":/empty"), 3, {"rows.h5", "empty", "[0, 8]"});
  refuse(cluster("2", {}, {}, ":/text"), 3, {"rows.h5", "text"});
  refuse(cluster("2", {}, {}, ":/numbers"), 3, {"rows.h5", "numbers", "i32"});
  refuse(cluster("2", {}, {}, ":/line"), 3, {"rows.h5", "line"});

  // Only the last rank reads this row.
  golden.data[static_cast<std::size_t>(299 * golden.dim + 3)] = std::numeric_limits<float>::quiet_NaN();
  write_matrix(golden, "vectors");
  refuse(cluster("5", {}, three, ":/vectors"), 3, {"rows.h5", "/vectors", "row 299", "not finite"});
}

}  // namespace cluster_test
}  // namespace datus::test
