// SPDX-License-Identifier: Apache-2.0
// k-means in groups of ranks: no bit depends on them, whatever happens to one of them.
#include "datus/algo/kmeans_groups.hpp"

#include "kmeans_cases.hpp"
#include "kmeans_interruption.hpp"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <set>

namespace datus::test {
namespace kmeans_groups_test {

/// Several pairs, and few enough rows that some ranks of a group have none.
Case random_case(std::uint64_t seed) {
  Random random(seed);
  Case c;
  c.seed = seed;
  c.kind = one_of(random, std::vector<Kind>{Kind::bell, Kind::blobs, Kind::copies, Kind::grid, Kind::far_from_origin,
                                            Kind::magnitudes});
  c.rows = draw(random, 2, 90);
  c.dim = static_cast<int>(draw(random, 1, 12));
  using Init = KMeansOptions::Init;
  c.options.init =
      one_of(random, std::vector<Init>{Init::kmeans_plus_plus, Init::kmeans_parallel, Init::random, Init::random});
  if (one_in(random, 4)) c.options.algorithm = KMeansOptions::Algorithm::mini_batch;
  c.options.batch_size = 32;
  c.options.epochs = 4;
  const std::int64_t values_of_k = draw(random, 1, 3);
  std::set<int> clusters;
  for (std::int64_t i = 0; i < values_of_k; ++i) clusters.insert(static_cast<int>(draw(random, 1, 9)));
  c.options.clusters.assign(clusters.begin(), clusters.end());
  if (one_in(random, 3)) c.options.mode = KMeansOptions::Mode::fast;
  c.options.restarts = static_cast<int>(draw(random, 1, 4));
  c.options.max_iterations = static_cast<int>(draw(random, 1, 12));
  c.options.tolerance = one_of(random, std::vector<double>{0.0, 0.02, 0.2});
  c.options.seed = random();
  return c;
}

/// As `run`, but each group of the ranks has its part of the pairs, and all rows, of which the first rank has most.
struct GroupedStart {
  Layout layout;
  int groups = 1;
  const KMeansState* resume = nullptr;
  std::int64_t stop_at = never;  ///< the pass of the last rank
  std::int64_t kill_at = never;  ///< the call of `save`
  int checkpoint_every = 10;
};

DealtRows rows_of_group(const Matrix& rows, const Communicator& group, std::uint64_t deal) {
  const auto begin_of = [&](std::int64_t rank) {
    return rows.rows - rows.rows * (group.size() - rank) / (2 * group.size());
  };
  const std::int64_t begin = group.rank() == 0 ? 0 : begin_of(group.rank());
  return {rows, begin, begin_of(group.rank() + 1) - begin, deal};
}

void run_grouped_rank(const GroupedStart& start, const Matrix& all, KMeansOptions options, const KMeansRows& mine,
                      Communicator& comm, RankLog& log) {
  Ending& ending = log.ending;
  const bool asked = comm.rank() == comm.size() - 1;
  options.threads = start.layout.threads;
  options.path = start.layout.path;
  options.resume = start.resume;
  options.checkpoint_every = start.checkpoint_every;
  options.stop_requested = [&] { return ++ending.passes == start.stop_at && asked; };
  options.save = [&](const KMeansState& state) {
    if (std::ssize(ending.saved) + 1 == start.kill_at) throw Killed();
    ending.saved.push_back(state);
  };
  try {
    KMeansState of_groups;
    {
      const KMeansGroup group = split_for_kmeans(comm, start.groups);
      const DealtRows rows = rows_of_group(all, *group.ranks, start.layout.deal);
      of_groups = kmeans_in_groups(rows, options, {}, group, comm);
    }
    require(std::ranges::all_of(of_groups.pairs, [](const KMeansPair& p) { return p.phase == KMeansPhase::done; }),
            "a pair is not done");
    options.resume = &of_groups;
    ending.results = kmeans(mine, options, {}, comm);
  } catch (const Killed&) {
    log.killed = true;
  } catch (const AgreedError& error) {
    log.stopped = error.exit_code() == ExitCode::interrupted;
    if (!log.stopped) ending.error = error.what();
  }
}

/// All ranks must end alike.
Ending run_grouped(const GroupedStart& start, const Matrix& rows, const KMeansOptions& options) {
  std::vector<RankLog> logs(start.layout.shares.size());
  run_in(start.layout, rows, [&](std::size_t rank, const KMeansRows& mine, Communicator& comm) {
    run_grouped_rank(start, rows, options, mine, comm, logs[rank]);
  });
  std::vector<std::vector<KMeansResult>> results;
  for (const RankLog& log : logs) {
    require(log.stopped == logs.front().stopped && log.killed == logs.front().killed, "some ranks were interrupted");
    require(log.ending.error == logs.front().ending.error, "ranks end with other errors");
    require(log.ending.saved == logs.front().ending.saved, "ranks save other states");
    results.push_back(log.ending.results);
  }
  Ending ending = logs.front().ending;
  ending.results = joined(results);
  return ending;
}

/// `ranks` of which one, if there are more than two, has no rows.
Layout layout_of(std::int64_t rows, int ranks, Random& random) {
  Layout layout{{}, static_cast<int>(draw(random, 1, 2)), one_of(random, supported_simd_paths()), random() % 1000};
  for (int rank = 0; rank + 1 < ranks; ++rank) {
    layout.shares.push_back(rank == 1 ? 0 : draw(random, 0, rows));
    rows -= layout.shares.back();
  }
  layout.shares.push_back(rows);
  return layout;
}

TEST(KMeansGroups, AnyNumberOfRanksAndGroupsGivesTheSameBits) {
  int several = 0;
  check_property(4100, 20, random_case, [&](const Case& c) {
    const Matrix rows = rows_of(c);
    const Outcome whole = outcome_of(rows, c.options, {}, one_rank(c.rows));
    Random random(c.seed + 2);
    for (int ranks = 1; ranks <= 4; ++ranks) {
      for (int groups = 1; groups <= ranks; ++groups) {
        const GroupedStart start{layout_of(c.rows, ranks, random), groups};
        const Ending ending = run_grouped(start, rows, c.options);
        const std::string where = std::to_string(groups) + " groups, " + text_of(start.layout);
        require(ending.error == whole.error, where + ": error '" + ending.error + "', not '" + whole.error + "'");
        require_same_bits(ending.results, whole.results, where);
        several += !ending.results.empty() && groups > 1 ? 1 : 0;
      }
    }
  });
  EXPECT_GT(several, 60);
}

// With checkpoints after each pass: what the groups save together is a state of kmeans without groups, too.
TEST(KMeansGroups, StoppedOrKilledItGoesOnInOtherGroups) {
  int interrupted = 0;
  check_property(4300, 60, random_case, [&](const Case& c) {
    const Matrix rows = rows_of(c);
    const Outcome whole = outcome_of(rows, c.options, {}, one_rank(c.rows));
    if (!whole.error.empty()) return;
    Random random(c.seed + 3);
    KMeansState state;
    bool has_state = false;
    Ending part;
    for (int parts = 1; part.results.empty(); ++parts) {
      require(parts < 200, "does not come forward");
      const int ranks = static_cast<int>(draw(random, 1, 4));
      GroupedStart start{layout_of(c.rows, ranks, random), static_cast<int>(draw(random, 1, ranks))};
      start.resume = has_state ? &state : nullptr;
      start.checkpoint_every = static_cast<int>(draw(random, 1, 3));
      const bool kill = one_in(random, 2);
      (kill ? start.kill_at : start.stop_at) = draw(random, 2, 5) + parts / 10;
      part = one_in(random, 4) ? run({start.layout, start.resume, 3 + parts / 10}, rows, c.options, {})
                               : run_grouped(start, rows, c.options);
      require(part.error.empty(), part.error);
      if (!part.results.empty()) break;
      ++interrupted;
      if (part.saved.empty()) continue;
      state = part.saved.back();
      has_state = true;
    }
    require_same_bits(part.results, whole.results, "interrupted");
  });
  EXPECT_GT(interrupted, 80);
}

/// Blobs that take many iterations, for three pairs.
Case long_case() {
  Case c;
  c.seed = 5;
  c.rows = 1000;
  c.dim = 4;
  c.options.clusters = {7, 9, 12};
  c.options.tolerance = 0;
  c.options.max_iterations = 60;
  return c;
}

// Nothing of what the other groups did is lost, though only the last group was asked: they stop after their next
// checkpoint.
TEST(KMeansGroups, AStopOfOneGroupStopsAll) {
  const Case c = long_case();
  const Matrix rows = rows_of(c);
  GroupedStart start{{{300, 500, 200}, 1, best_simd_path()}, 3};
  start.stop_at = 20;
  start.checkpoint_every = 5;
  const Ending ending = run_grouped(start, rows, c.options);
  EXPECT_TRUE(ending.results.empty());
  ASSERT_FALSE(ending.saved.empty());
  const KMeansState& state = ending.saved.back();
  ASSERT_EQ(state.pairs.size(), 3U);
  std::vector<std::int64_t> passes;
  for (const KMeansPair& pair : state.pairs) passes.push_back(pair.clusters + std::ssize(pair.inertia));
  std::ranges::sort(passes);
  EXPECT_EQ(passes, (std::vector<std::int64_t>{20, 26, 26}));
}

/// Rows whose file is gone after some visits.
class VanishingRows final : public KMeansRows {
 public:
  VanishingRows(const Matrix& all, std::int64_t first, std::int64_t count, std::int64_t good_visits)
      : rows_(all, first, count, 1), good_visits_(good_visits) {}
  [[nodiscard]] std::int64_t first() const override { return rows_.first(); }
  [[nodiscard]] std::int64_t count() const override { return rows_.count(); }
  [[nodiscard]] int dim() const override { return rows_.dim(); }
  void visit(std::span<const RowRange> ranges, int threads, const RowBlockBody& body) const override {
    if (visits_++ == good_visits_) throw InputError("a shard", "is gone", "Make it again.");
    rows_.visit(ranges, threads, body);
  }

 private:
  DealtRows rows_;
  std::int64_t good_visits_;
  mutable std::atomic<std::int64_t> visits_{0};
};

TEST(KMeansGroups, AnErrorThatOneGroupAgreesOnIsThatOfAll) {
  const Case c = long_case();
  Matrix bad = rows_of(c);
  const Matrix good = bad;
  bad.values[123 * 4 + 1] = std::numeric_limits<float>::quiet_NaN();
  run_on_threads(4, [&](Communicator& comm) {
    const KMeansGroup group = split_for_kmeans(comm, 2);
    const DealtRows rows = rows_of_group(group.index == 1 ? bad : good, *group.ranks, 1);
    KMeansOptions options = c.options;
    std::vector<KMeansState> saved;
    options.save = [&](const KMeansState& state) { saved.push_back(state); };
    try {
      (void)kmeans_in_groups(rows, options, {}, group, comm);
      ADD_FAILURE() << "no exception on rank " << comm.rank();
    } catch (const AgreedError& error) {
      EXPECT_EQ(error.exit_code(), ExitCode::bad_input);
      EXPECT_NE(std::string(error.what()).find("rank 2: Row 123 of the descriptors"), std::string::npos)
          << error.what();
    }
    // The group that failed told nothing, so a checkpoint would be without its pairs.
    EXPECT_TRUE(saved.empty());
  });
}

// A full disk: groups that are at work learn of it in their pass, one that is done while it waits for them.
TEST(KMeansGroups, ASaveThatFailsFailsForAll) {
  Case c = long_case();
  c.options.clusters = {1, 9, 12};
  c.options.checkpoint_every = 1;
  const Matrix rows = rows_of(c);
  run_on_threads(4, [&](Communicator& comm) {
    const KMeansGroup group = split_for_kmeans(comm, 3);
    const DealtRows mine = rows_of_group(rows, *group.ranks, 1);
    KMeansOptions options = c.options;
    int saves = 0;
    options.save = [&](const KMeansState&) {
      if (++saves == 15) throw AgreedError(ExitCode::failure, "no space");
    };
    try {
      (void)kmeans_in_groups(mine, options, {}, group, comm);
      ADD_FAILURE() << "no exception on rank " << comm.rank();
    } catch (const AgreedError& error) {
      EXPECT_STREQ(error.what(), "no space");
    }
    EXPECT_EQ(saves, 15);
    comm.barrier();
  });
}

// As MPI_Abort ends a job: who waits for the rank, in its group or when groups meet, is released.
TEST(KMeansGroups, AnErrorOfOneRankReleasesTheOthers) {
  const Case c = long_case();
  const Matrix rows = rows_of(c);
  for (const std::int64_t good_visits : {0, 1, 4, 30}) {
    EXPECT_THROW(run_on_threads(4,
                                [&](Communicator& comm) {
                                  const KMeansGroup group = split_for_kmeans(comm, 2);
                                  const VanishingRows mine(rows, 500 * group.ranks->rank(), 500,
                                                           comm.rank() == 3 ? good_visits : 1'000'000);
                                  (void)kmeans_in_groups(mine, c.options, {}, group, comm);
                                }),
                 InputError)
        << good_visits;
  }
}

TEST(KMeansGroups, RanksAndPairsAreSharedOutEvenly) {
  for (int ranks = 1; ranks <= 9; ++ranks) {
    for (int groups = 1; groups <= ranks; ++groups) {
      int sum = 0;
      for (int group = 0; group < groups; ++group) {
        EXPECT_GE(ranks_of_group(group, ranks, groups), ranks / groups);
        EXPECT_LE(ranks_of_group(group, ranks, groups), (ranks + groups - 1) / groups);
        sum += ranks_of_group(group, ranks, groups);
      }
      EXPECT_EQ(sum, ranks);
    }
  }
  using Places = std::vector<std::vector<std::size_t>>;
  // 10 + 4 and 8 + 6.
  EXPECT_EQ(pairs_of_groups(std::vector{4, 6, 8, 10}, 2, 2), (Places{{0, 3}, {1, 2}}));
  // The group of two ranks has twice as much to do.
  EXPECT_EQ(pairs_of_groups(std::vector{5, 5, 5}, 3, 2), (Places{{1}, {0, 2}}));
  // Pairs that are done are no work.
  EXPECT_EQ(pairs_of_groups(std::vector{9, 0, 9}, 2, 2), (Places{{0, 1}, {2}}));
  EXPECT_EQ(pairs_of_groups(std::vector{3}, 3, 3), (Places{{0}, {}, {}}));
  run_on_threads(3, [](Communicator& comm) {
    for (const int groups : {0, 4}) EXPECT_THROW((void)split_for_kmeans(comm, groups), AgreedError);
  });
}

TEST(KMeansGroups, WhatIsDoneIsNoWork) {
  KMeansOptions options;
  options.clusters = {3, 5};
  options.restarts = 2;
  EXPECT_EQ(clusters_of_pairs(options, {}, 4), (std::vector{3, 3, 5, 5}));
  const Case c = long_case();
  std::vector<KMeansState> saved;
  options.save = [&](const KMeansState& state) { saved.push_back(state); };
  options.checkpoint_every = 1;
  run_in({{1000}, 1, best_simd_path()}, rows_of(c),
         [&](std::size_t, const KMeansRows& mine, Communicator& comm) { (void)kmeans(mine, options, {}, comm); });
  ASSERT_FALSE(saved.empty());
  KMeansState state = saved.back();
  state.pairs[2].phase = KMeansPhase::done;
  for (const std::size_t open : {0U, 1U, 3U}) state.pairs[open].phase = KMeansPhase::iterating;
  options.resume = &state;
  EXPECT_EQ(clusters_of_pairs(options, {}, 4), (std::vector{3, 3, 0, 5}));
  options.seed = 1;
  EXPECT_EQ(clusters_of_pairs(options, {}, 4), (std::vector{3, 3, 5, 5}));
}

}  // namespace kmeans_groups_test
}  // namespace datus::test
