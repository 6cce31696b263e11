// SPDX-License-Identifier: Apache-2.0
#include "kmeans_reference.hpp"
#include "support/golden.hpp"

#include <map>
#include <string>

namespace datus::test {
namespace kmeans_golden_test {

using Tensors = std::map<std::string, GoldenTensor>;

constexpr double centroid_tolerance = 1e-5;
constexpr double inertia_tolerance = 1e-6;
constexpr float close_call = 1e-5F;

struct GoldenCase {
  nlohmann::json facts;
  Tensors tensors;
  Matrix rows;
  std::vector<double> initial;
  int clusters = 0;
};

GoldenCase load(const nlohmann::json& facts) {
  GoldenCase golden{facts, read_golden("golden/kmeans/" + facts["file"].get<std::string>()), {}, {}, facts["k"]};
  golden.rows = {facts["n"], facts["d"], {}};
  if (golden.tensors.contains("data")) {
    golden.rows.values = golden.tensors.at("data").as<float>();
  } else {
    for (const std::int8_t value : golden.tensors.at("data_times_32").as<std::int8_t>()) {
      golden.rows.values.push_back(static_cast<float>(value) / 32.0F);
    }
  }
  const std::vector<float> initial = golden.tensors.at("initial_centroids").as<float>();
  golden.initial.assign(initial.begin(), initial.end());
  return golden;
}

std::vector<GoldenCase> cases() {
  std::vector<GoldenCase> all;
  const nlohmann::json golden = read_json("golden/kmeans/cases.json");
  for (const auto& facts : golden["cases"]) all.push_back(load(facts));
  return all;
}

KMeansResult run(const GoldenCase& golden, int iterations) {
  KMeansOptions options;
  options.clusters = {golden.clusters};
  options.init = KMeansOptions::Init::given;
  options.max_iterations = iterations;
  options.tolerance = 0.0;
  const std::int64_t third = golden.rows.rows / 3;
  return run_kmeans(golden.rows, options, golden.initial, {third, golden.rows.rows - third}).front();
}

void expect_labels(const std::vector<std::int32_t>& labels, const GoldenCase& golden, const std::string& name) {
  const auto expected = golden.tensors.at(name).as<std::int32_t>();
  ASSERT_EQ(labels.size(), expected.size());
  // Where the data are small integers every number is exact, and the ties must be right.
  const bool is_exact = golden.facts["kind"].get<std::string>().starts_with("ties");
  std::vector<float> margin(labels.size(), 1.0F);
  if (!is_exact && golden.tensors.contains("min_margin")) margin = golden.tensors.at("min_margin").as<float>();
  std::size_t compared = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (margin[i] < close_call) continue;
    ++compared;
    EXPECT_EQ(labels[i], expected[i]) << name << ", row " << i;
  }
  EXPECT_GT(compared, labels.size() * 9 / 10);
}

void expect_centroids(const std::vector<double>& centroids, const std::vector<double>& expected) {
  ASSERT_EQ(centroids.size(), expected.size());
  for (std::size_t i = 0; i < centroids.size(); ++i) {
    EXPECT_NEAR(centroids[i], expected[i], centroid_tolerance) << "value " << i;
  }
}

void expect_inertia(double inertia, double expected) {
  EXPECT_NEAR(inertia, expected, inertia_tolerance * expected);
}

void check_iteration(const GoldenCase& golden, const std::string& name) {
  const auto& facts = golden.facts[name];
  const int updates = facts["updates"];
  const KMeansResult result = run(golden, updates);
  expect_labels(result.assignment, golden, name + ".labels_after");
  expect_centroids(result.centroids, golden.tensors.at(name + ".centroids").as<double>());
  ASSERT_EQ(result.inertia.size(), static_cast<std::size_t>(updates));
  expect_inertia(result.inertia.back(), facts["inertia"]);
  expect_inertia(result.final_inertia, facts["inertia_after"]);
  EXPECT_EQ(result.repairs, 0);
}

TEST(KMeansGolden, LabelsCentroidsAndInertiaAfterEachIteration) {
  int checked = 0;
  for (const GoldenCase& golden : cases()) {
    for (const std::string name : {"iteration1", "iteration2", "iteration5"}) {
      if (!golden.facts.contains(name) || !golden.tensors.contains(name + ".labels_after")) continue;
      SCOPED_TRACE(golden.facts["name"].get<std::string>() + ", " + name);
      check_iteration(golden, name);
      ++checked;
    }
  }
  EXPECT_EQ(checked, 10);
}

TEST(KMeansGolden, Converged) {
  int checked = 0;
  for (const GoldenCase& golden : cases()) {
    if (!golden.facts.contains("converged")) continue;
    SCOPED_TRACE(golden.facts["name"].get<std::string>());
    check_iteration(golden, "converged");
    const KMeansResult result = run(golden, 300);
    EXPECT_TRUE(result.converged);
    expect_labels(result.assignment, golden, "converged.labels");
    expect_centroids(result.centroids, golden.tensors.at("converged.centroids").as<double>());
    expect_inertia(result.final_inertia, golden.facts["converged"]["inertia_after"]);
    ++checked;
  }
  EXPECT_EQ(checked, 6);
}

// Up to the iteration in which a cluster comes out empty; then policies differ, and this one is checked elsewhere.
TEST(KMeansGolden, EmptyClusters) {
  int checked = 0;
  for (const GoldenCase& golden : cases()) {
    if (!golden.facts.contains("empty")) continue;
    SCOPED_TRACE(golden.facts["name"].get<std::string>());
    const auto& empty = golden.facts["empty"];
    const int iteration = empty["at_iteration"];
    std::vector<double> centroids = golden.initial;
    if (iteration > 1) {
      ASSERT_EQ(iteration, 2);
      centroids = run(golden, 1).centroids;
    }
    run_on_threads(1, [&](Communicator& comm) {
      const CopiedRows rows(golden.rows, 0, golden.rows.rows);
      const Assignment assignment = assign_rows(rows, centroids, golden.clusters, 1, best_simd_path(), comm);
      expect_labels(assignment.labels, golden, "empty.labels");
      expect_inertia(assignment.inertia, empty["inertia"]);
    });
    const KMeansResult result = run(golden, iteration);
    EXPECT_GT(result.repairs, 0);
    ++checked;
  }
  EXPECT_EQ(checked, 3);
}

}  // namespace kmeans_golden_test
}  // namespace datus::test
