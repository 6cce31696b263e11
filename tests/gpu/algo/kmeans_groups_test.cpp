// SPDX-License-Identifier: Apache-2.0
// k-means on GPUs in groups of ranks gives the bits of the processor's.
#include "datus/algo/kmeans_groups.hpp"

#include "kmeans_on_gpu.hpp"
#include "support/gpu_required.hpp"

#include <algorithm>

namespace datus::test {
namespace {

Case some_case() {
  Case c;
  c.seed = 11;
  c.kind = Kind::blobs;
  c.rows = 500;
  c.dim = 9;
  c.options.clusters = {3, 20, 33};
  c.options.restarts = 2;
  c.options.max_iterations = 12;
  c.options.tolerance = 0.0;
  return c;
}

/// With a card for each rank and NCCL within its group, or with one card for all.
std::vector<KMeansResult> results_of_groups(const Case& c, const Matrix& rows, int ranks, int groups, bool by_nccl) {
  std::vector<std::vector<KMeansResult>> results(static_cast<std::size_t>(ranks));
  run_on_threads(ranks, [&](Communicator& comm) {
    const int card = by_nccl ? comm.rank() : 0;
    const auto sums_over = [&](Communicator& some) {
      return by_nccl ? make_nccl_communicator(some, card) : make_staged_communicator(some);
    };
    const auto share = [&](const Communicator& some) {
      const Share mine = share_of(c.rows, some);
      return DealtRows(rows, mine.begin, mine.size(), 1);
    };
    KMeansOptions options = c.options;
    KMeansState done;
    {
      const KMeansGroup group = split_for_kmeans(comm, groups);
      const auto sums = sums_over(*group.ranks);
      const KMeansGpu gpu{card, sums.get(), plenty};
      options.gpu = &gpu;
      done = kmeans_in_groups(share(*group.ranks), options, {}, group, comm);
    }
    const auto sums = sums_over(comm);
    const KMeansGpu gpu{card, sums.get(), plenty};
    options.gpu = &gpu;
    options.resume = &done;
    results[static_cast<std::size_t>(comm.rank())] = kmeans(share(comm), options, {}, comm);
  });
  return joined(results);
}

TEST(GpuKMeansGroups, GiveTheBitsOfTheProcessor) {
  DATUS_REQUIRE_GPU();
  const Case c = some_case();
  const Matrix rows = rows_of(c);
  const Outcome whole = outcome_of(rows, c.options, {}, {{c.rows}, 1, best_simd_path()});
  ASSERT_EQ(whole.error, "");
  const int cards = static_cast<int>(survey_gpus().gpus.size());
  int by_nccl = 0;
  for (int ranks = 1; ranks <= 4; ++ranks) {
    for (int groups = 1; groups <= ranks; ++groups) {
      const std::string where = std::to_string(ranks) + " ranks, " + std::to_string(groups) + " groups";
      EXPECT_NO_THROW(require_same_bits(results_of_groups(c, rows, ranks, groups, false), whole.results, where));
      if (ranks > cards) continue;
      EXPECT_NO_THROW(require_same_bits(results_of_groups(c, rows, ranks, groups, true), whole.results, where));
      ++by_nccl;
    }
  }
  EXPECT_GT(by_nccl, 0);
}

}  // namespace
}  // namespace datus::test
