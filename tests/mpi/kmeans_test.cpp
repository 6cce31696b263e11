// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/kmeans.hpp"

#include "comm/mpi_factory.hpp"
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
  return {AlignedVector<float>(all.begin() + begin * dim, all.begin() + end * dim), dim, begin};
}

/// All rows on the last rank.
MemoryRows share_of_last(const std::vector<float>& all, const Communicator& comm) {
  return {comm.rank() + 1 == comm.size() ? all : std::vector<float>(), dim};
}

/// `rows` are those of this rank.
void expect_same_bits(const std::vector<KMeansResult>& results, const std::vector<KMeansResult>& expected,
                      const MemoryRows& rows) {
  ASSERT_EQ(results.size(), expected.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].restart, expected[i].restart);
    EXPECT_EQ(results[i].centroids, expected[i].centroids);
    EXPECT_EQ(results[i].inertia, expected[i].inertia);
    EXPECT_EQ(results[i].final_inertia, expected[i].final_inertia);
    EXPECT_EQ(results[i].converged, expected[i].converged);
    EXPECT_EQ(results[i].repairs, expected[i].repairs);
    const auto begin = expected[i].assignment.begin() + rows.first();
    EXPECT_EQ(results[i].assignment, std::vector<std::int32_t>(begin, begin + rows.count()));
  }
}

TEST(MpiKMeans, EqualsOneRankToTheBit) {
  const auto comm = make_mpi_communicator();
  const std::vector<float> values = matrix();
  const MemoryRows mine = share(values, *comm);
  const MemoryRows everything(values, dim);
  SelfCommunicator self;
  using Init = KMeansOptions::Init;
  for (const auto init : {Init::kmeans_plus_plus, Init::kmeans_parallel, Init::random}) {
    for (const auto algorithm : {KMeansOptions::Algorithm::lloyd, KMeansOptions::Algorithm::mini_batch}) {
      KMeansOptions options;
      options.clusters = {5, 27};
      options.init = init;
      options.algorithm = algorithm;
      options.batch_size = 256;
      options.epochs = 8;
      options.restarts = 2;
      options.max_iterations = 20;
      const auto expected = kmeans(everything, options, {}, self);
      const auto results = kmeans(mine, options, {}, *comm);
      expect_same_bits(results, expected, mine);
      const Assignment assignment = assign_rows(mine, results[1].centroids, 27, 1, best_simd_path(), *comm);
      EXPECT_EQ(assignment.labels, results[1].assignment);
    }
  }
}

TEST(MpiKMeans, StoppedItGoesOnUnderAnotherSplit) {
  const auto comm = make_mpi_communicator();
  const std::vector<float> values = matrix();
  const MemoryRows mine = share(values, *comm);
  const MemoryRows later = share_of_last(values, *comm);
  SelfCommunicator self;
  KMeansOptions options;
  options.clusters = {3, 7};
  options.restarts = 2;
  options.max_iterations = 8;
  options.checkpoint_every = 1;
  std::vector<KMeansState> after_pass;
  options.save = [&](const KMeansState& state) { after_pass.push_back(state); };
  const auto expected = kmeans(MemoryRows(values, dim), options, {}, self);
  for (std::size_t stop_at = 1; stop_at < after_pass.size(); stop_at += 3) {
    SCOPED_TRACE("stopped in pass " + std::to_string(stop_at));
    KMeansState saved;
    KMeansOptions first = options;
    first.checkpoint_every = 0;
    first.save = [&](const KMeansState& state) { saved = state; };
    std::size_t passes = 0;
    const bool asked = comm->rank() == static_cast<int>(stop_at) % comm->size();
    first.stop_requested = [&] { return ++passes == stop_at && asked; };
    EXPECT_THROW((void)kmeans(mine, first, {}, *comm), AgreedError);
    EXPECT_EQ(saved, after_pass[stop_at - 1]);
    KMeansOptions second = options;
    second.save = nullptr;
    second.resume = &saved;
    expect_same_bits(kmeans(later, second, {}, *comm), expected, later);
  }
}

// 2 x (27 + 5) centroids of 24 values take several messages in every iteration.
TEST(MpiKMeans, MessagesInPiecesGiveTheSameBits) {
  const auto comm = make_mpi_communicator(1000);
  const std::vector<float> values = matrix();
  const MemoryRows mine = share(values, *comm);
  SelfCommunicator self;
  KMeansOptions options;
  options.clusters = {5, 27};
  options.init = KMeansOptions::Init::random;
  options.restarts = 2;
  options.max_iterations = 8;
  expect_same_bits(kmeans(mine, options, {}, *comm), kmeans(MemoryRows(values, dim), options, {}, self), mine);
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
