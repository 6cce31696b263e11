// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"
#include "cli/suite_folder.hpp"

#include <cstdint>
#include <random>
#include <string>
#include <vector>

// `datus cluster` with its ranks in groups: the same file as of one rank, byte for byte.
namespace datus::test {
namespace cluster_groups_test {

namespace fs = std::filesystem;

constexpr std::int64_t row_count = 3000;
constexpr int dim = 16;

class ClusterGroups : public SuiteFolder<ClusterGroups> {
 protected:
  static void SetUpTestSuite() {
    std::mt19937 generator(7);
    std::normal_distribution<float> normal;
    std::vector<float> values(row_count * dim);
    for (float& value : values) value = normal(generator);
    write_hdf5(suite_folder() / "rows.h5", [&](Hdf5Writer& writer) {
      writer.write<float>("descriptor", values, {row_count, dim});
    });
  }

  [[nodiscard]] Outcome cluster(const std::string& name, const std::vector<std::string>& settings,
                                const Launch& launch = {}, const std::string& k = "4,9") const {
    Arguments arguments = {"cluster", "--descriptors",    (suite_folder() / "rows.h5").string(), "--k", k,
                           "--out",   path(name).string()};
    for (const std::string& setting : settings) arguments.insert(arguments.end(), {"--set", setting});
    return run_program(arguments, launch);
  }
  [[nodiscard]] fs::path path(const std::string& name) const { return folder_ / name; }

  /// That of one rank with these settings is that of `ranks` in `groups`, of which the log tells as `shared`.
  void expect_same(const std::vector<std::string>& settings, int ranks, int groups, const std::string& shared) const {
    if (!fs::exists(path("alone.h5"))) {
      const Outcome alone = cluster("alone.h5", settings);
      ASSERT_EQ(alone.code, 0) << alone;
    }
    std::vector<std::string> grouped = settings;
    grouped.push_back("cluster.groups=" + std::to_string(groups));
    const Outcome outcome = cluster("grouped.h5", grouped, {.ranks = ranks});
    ASSERT_EQ(outcome.code, 0) << outcome;
    EXPECT_NE(outcome.err.find(shared), std::string::npos) << outcome;
    EXPECT_TRUE(bytes_of(path("grouped.h5")) == bytes_of(path("alone.h5"))) << ranks << " ranks, " << groups;
    EXPECT_FALSE(fs::exists(path("grouped.h5.checkpoint")));
    fs::remove(path("grouped.h5"));
  }

 private:
  TempFolder folder_;
};

TEST_F(ClusterGroups, AnyRanksAndGroupsGiveTheSameFile) {
  const std::vector<std::string> two = {"cluster.restarts=2"};
  expect_same(two, 2, 2, "2 groups of ranks share 4 pairs of K and restart: cluster.groups asks for 2");
  expect_same(two, 3, 2, "2 groups of ranks share 4 pairs");
  expect_same(two, 4, 9, "4 groups of ranks share 4 pairs of K and restart: cluster.groups asks for 9, but more would");
}

// One fit for all K, so its restarts are the pairs.
TEST_F(ClusterGroups, FineClustersToo) {
  expect_same({"cluster.fine=40", "cluster.restarts=3"}, 3, 3, "3 groups of ranks share 3 pairs");
}

TEST_F(ClusterGroups, FewRowsOnFewRanksStayTogether) {
  const Outcome outcome = cluster("out.h5", {"cluster.restarts=2", "cluster.max_iterations=1"}, {.ranks = 2});
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_NE(outcome.err.find("all ranks work on all 4 pairs of K and restart: "), std::string::npos) << outcome;
  // One pair, or one rank: nothing to say.
  const Outcome one = cluster("out.h5", {}, {.ranks = 2}, "4");
  EXPECT_EQ(one.err.find("all ranks"), std::string::npos) << one;
}

}  // namespace cluster_groups_test
}  // namespace datus::test
