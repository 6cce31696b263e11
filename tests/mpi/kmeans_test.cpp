#include "datus/algo/kmeans.hpp"

#include "datus/comm/mpi_factory.hpp"
#include "datus/comm/self_communicator.hpp"
#include "datus/core/error.hpp"

#include <cmath>
#include <limits>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace datus {
namespace {

constexpr int dim = 24;
constexpr std::int64_t all_rows = 1500;

std::vector<float> matrix() {
  std::mt19937 generator(5);
  std::normal_distribution<float> normal;
  std::vector<float> values(all_rows * dim);
  for (float& value : values) value = normal(generator);
  return values;
}

/// Uneven shares; from three ranks on the second has no rows.
MemoryRows share(const std::vector<float>& all, const Communicator& comm) {
  const auto boundary = [&](int rank) -> std::int64_t {
    if (comm.size() > 2 && rank == 2) rank = 1;
    return all_rows * rank * rank / (comm.size() * comm.size());
  };
  const std::int64_t begin = boundary(comm.rank());
  const std::int64_t end = boundary(comm.rank() + 1);
  return {{all.begin() + begin * dim, all.begin() + end * dim}, dim, begin};
}

TEST(MpiKMeans, EqualsOneRankToTheBit) {
  const auto comm = make_mpi_communicator();
  const std::vector<float> values = matrix();
  const MemoryRows mine = share(values, *comm);
  const MemoryRows everything(values, dim);
  SelfCommunicator self;
  for (const auto init : {KMeansOptions::Init::kmeans_plus_plus, KMeansOptions::Init::random}) {
    KMeansOptions options;
    options.clusters = {5, 27};
    options.init = init;
    options.restarts = 2;
    options.max_iterations = 20;
    const auto expected = kmeans(everything, options, {}, self);
    const auto results = kmeans(mine, options, {}, *comm);
    ASSERT_EQ(results.size(), expected.size());
    for (std::size_t i = 0; i < results.size(); ++i) {
      EXPECT_EQ(results[i].restart, expected[i].restart);
      EXPECT_EQ(results[i].centroids, expected[i].centroids);
      EXPECT_EQ(results[i].inertia, expected[i].inertia);
      EXPECT_EQ(results[i].final_inertia, expected[i].final_inertia);
      const auto begin = expected[i].assignment.begin() + mine.first();
      EXPECT_EQ(results[i].assignment, std::vector<std::int32_t>(begin, begin + mine.count()));
    }
    const Assignment assignment = assign_rows(mine, results[1].centroids, 27, 1, best_simd_path(), *comm);
    EXPECT_EQ(assignment.labels, results[1].assignment);
  }
}

TEST(MpiKMeans, ABadRowIsNamedOnAllRanks) {
  const auto comm = make_mpi_communicator();
  std::vector<float> values = matrix();
  values[1234 * dim + 7] = std::numeric_limits<float>::quiet_NaN();
  const MemoryRows mine = share(values, *comm);
  KMeansOptions options;
  options.clusters = {5};
  try {
    (void)kmeans(mine, options, {}, *comm);
    ADD_FAILURE() << "no exception";
  } catch (const AgreedError& e) {
    EXPECT_EQ(e.exit_code(), ExitCode::bad_input);
    EXPECT_NE(std::string(e.what()).find("Row 1234 "), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace datus
