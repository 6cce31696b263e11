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
  c.kind = Kind::bell;
  c.rows = 150;
  c.dim = 9;
  c.options.clusters = {3, 9, 17};
  c.options.restarts = 2;
  c.options.max_iterations = 5;
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
  ASSERT_GT(cards, 0);
  struct Split {
    int ranks;
    int groups;
  };
  for (const auto [ranks, groups] : {Split{1, 1}, Split{2, 2}, Split{3, 2}, Split{4, 3}}) {
    const std::string where = std::to_string(ranks) + " ranks, " + std::to_string(groups) + " groups";
    EXPECT_NO_THROW(require_same_bits(results_of_groups(c, rows, ranks, groups, false), whole.results, where));
    if (ranks > cards) continue;
    EXPECT_NO_THROW(require_same_bits(results_of_groups(c, rows, ranks, groups, true), whole.results, where));
  }
}

}  // namespace
}  // namespace datus::test
