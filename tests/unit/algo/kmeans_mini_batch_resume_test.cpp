// SPDX-License-Identifier: Apache-2.0
#include "datus/core/error.hpp"
#include "kmeans_reference.hpp"

#include <optional>
#include <string>

namespace datus::test {
namespace kmeans_mini_batch_resume_test {

using Shares = std::vector<std::int64_t>;

constexpr std::int64_t all_rows = 210;

Matrix matrix() {
  return random_rows(all_rows, 5, false, 21);
}

/// Three batches in an epoch.
KMeansOptions three_batches(std::vector<int> clusters) {
  KMeansOptions options;
  options.algorithm = KMeansOptions::Algorithm::mini_batch;
  options.clusters = std::move(clusters);
  options.init = KMeansOptions::Init::random;
  options.batch_size = 80;
  options.epochs = 7;
  options.restarts = 2;
  options.seed = 4;
  return options;
}

/// Runs until one rank was asked to stop after `passes` batches, and returns the state that all ranks saved; none when
/// the work ended before.
std::optional<KMeansState> interrupt(const Matrix& rows, const KMeansOptions& settings, const Shares& shares,
                                     int passes) {
  std::vector<std::optional<KMeansState>> saved(shares.size());
  run_on_threads(static_cast<int>(shares.size()), [&](Communicator& comm) {
    const auto rank = static_cast<std::size_t>(comm.rank());
    std::int64_t first = 0;
    for (std::size_t r = 0; r < rank; ++r) first += shares[r];
    KMeansOptions options = settings;
    int asked = 0;
    options.stop_requested = [&] { return ++asked == passes && comm.rank() == comm.size() - 1; };
    options.save = [&](const KMeansState& state) { saved[rank] = state; };
    options.checkpoint_every = 1000;
    try {
      (void)kmeans(CopiedRows(rows, first, shares[rank]), options, {}, comm);
    } catch (const AgreedError& e) {
      EXPECT_EQ(e.exit_code(), ExitCode::interrupted) << e.what();
    }
  });
  for (const auto& state : saved) EXPECT_EQ(state, saved.front());
  return saved.front();
}

std::vector<KMeansResult> resume(const Matrix& rows, KMeansOptions options, const KMeansState& state,
                                 const Shares& shares) {
  options.resume = &state;
  return run_kmeans(rows, options, {}, shares);
}

void expect_same_results(const std::vector<KMeansResult>& actual, const std::vector<KMeansResult>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    expect_same(actual[i], expected[i]);
    EXPECT_EQ(actual[i].restarts, expected[i].restarts);
  }
}

TEST(KMeansMiniBatchResume, SameBitsAfterAnInterruptionAnywhere) {
  const Matrix rows = matrix();
  const KMeansOptions options = three_batches({2, 6});
  const auto expected = run_kmeans(rows, options, {}, {all_rows});
  const std::vector<Shares> splits = {{all_rows}, {0, 100, 110}, {50, 50, 0, 110}, {209, 1}};
  int interruptions = 0;
  std::size_t split = 0;
  while (const auto state = interrupt(rows, options, splits[split % 4], interruptions + 1)) {
    SCOPED_TRACE("after batch " + std::to_string(++interruptions));
    expect_same_results(resume(rows, options, *state, splits[++split % 4]), expected);
  }
  // After each batch; in the pass that assigns all rows it is too late.
  std::size_t batches = 0;
  for (const KMeansResult& result : expected) batches = std::max(batches, result.inertia.size());
  EXPECT_GE(interruptions, static_cast<int>(batches));
}

TEST(KMeansMiniBatchResume, AnotherKCatchesUp) {
  const Matrix rows = matrix();
  const auto expected = run_kmeans(rows, three_batches({4, 9}), {}, {all_rows});
  for (const int passes : {1, 5, 6, 7}) {
    const auto state = interrupt(rows, three_batches({4}), {all_rows}, passes);
    ASSERT_TRUE(state);
    ASSERT_EQ(state->pairs.front().mini_batch.batches, passes);
    expect_same_results(resume(rows, three_batches({4, 9}), *state, {70, 140}), expected);
  }
}

TEST(KMeansMiniBatchResume, OtherSettingsStartAnew) {
  const Matrix rows = matrix();
  const auto state = interrupt(rows, three_batches({4}), {all_rows}, 5);
  ASSERT_TRUE(state);
  for (const int change : {0, 1, 2}) {
    KMeansOptions options = three_batches({4});
    if (change == 0) options.batch_size = 81;
    if (change == 1) options.epochs = 8;
    if (change == 2) options.algorithm = KMeansOptions::Algorithm::lloyd;
    const auto expected = run_kmeans(rows, options, {}, {all_rows});
    expect_same_results(resume(rows, options, *state, {all_rows}), expected);
  }
}

TEST(KMeansMiniBatchResume, AnEpochIsAPassForCheckpoints) {
  const Matrix rows = matrix();
  KMeansOptions options = three_batches({4});
  options.restarts = 1;
  options.checkpoint_every = 2;
  std::vector<std::int64_t> saved_at;
  options.save = [&](const KMeansState& state) {
    if (state.pairs.front().phase == KMeansPhase::iterating) {
      saved_at.push_back(state.pairs.front().mini_batch.batches);
    }
  };
  const auto result = run_kmeans(rows, options, {}, {all_rows}).front();
  ASSERT_GE(result.inertia.size(), 13U);
  ASSERT_GE(saved_at.size(), 2U);
  for (std::size_t i = 0; i < saved_at.size(); ++i) EXPECT_EQ(saved_at[i], 6 * static_cast<std::int64_t>(i + 1));
}

TEST(KMeansMiniBatchResume, TheSmoothedInertiaIsThatOfTheBatches) {
  const Matrix rows = matrix();
  KMeansOptions options = three_batches({4});
  options.restarts = 1;
  options.checkpoint_every = 1;
  options.save = [&](const KMeansState& state) {
    const KMeansPair& pair = state.pairs.front();
    if (pair.phase != KMeansPhase::iterating) return;
    double smoothed = pair.inertia[1];
    for (std::size_t batch = 2; batch < pair.inertia.size(); ++batch) {
      // 80, 80 and 50 rows of 210.
      const double share = (batch % 3 == 2 ? 100.0 : 160.0) / 211.0;
      smoothed = smoothed * (1.0 - share) + pair.inertia[batch] * share;
    }
    EXPECT_NEAR(pair.mini_batch.smoothed * 210.0, smoothed, 1e-9 * smoothed);
    EXPECT_LE(pair.mini_batch.lowest, pair.mini_batch.smoothed);
    std::int64_t weights = 0;
    for (const std::int64_t weight : pair.mini_batch.weights) weights += weight;
    EXPECT_EQ(weights, pair.mini_batch.batches / 3 * all_rows);
  };
  EXPECT_GE(run_kmeans(rows, options, {}, {all_rows}).front().inertia.size(), 12U);
}

}  // namespace kmeans_mini_batch_resume_test
}  // namespace datus::test
