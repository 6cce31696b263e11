// SPDX-License-Identifier: Apache-2.0
// Interruptions: k-means that is stopped or killed anywhere, and goes on elsewhere, ends with the same bits.
#include "kmeans_cases.hpp"
#include "kmeans_interruption.hpp"

#include <array>
#include <map>
#include <set>

namespace datus::test {
namespace kmeans_resume_test {

/// Small, but with all that can be going on at the same time.
Case random_case(std::uint64_t seed) {
  Random random(seed);
  Case c;
  c.seed = seed;
  c.kind = one_of(random, std::vector<Kind>{Kind::bell, Kind::blobs, Kind::copies, Kind::grid, Kind::signed_zeros,
                                            Kind::huge, Kind::denormal, Kind::magnitudes});
  c.rows = draw(random, 20, 120);
  c.dim = static_cast<int>(draw(random, 2, 20));
  using Init = KMeansOptions::Init;
  c.options.init = one_of(random, std::vector<Init>{Init::kmeans_plus_plus, Init::kmeans_plus_plus, Init::random,
                                                    Init::random, Init::given});
  const bool given = c.options.init == Init::given;
  const std::int64_t values_of_k = given ? 1 : draw(random, 1, 4);
  for (std::int64_t i = 0; i < values_of_k; ++i) {
    c.options.clusters.push_back(static_cast<int>(one_in(random, 4) ? draw(random, 1, 2) : draw(random, 3, 9)));
  }
  if (one_in(random, 3)) c.options.mode = KMeansOptions::Mode::fast;
  c.options.restarts = given ? 1 : static_cast<int>(draw(random, 1, 3));
  // Enough clusters for bounds in exact mode.
  if (c.rows > 80 && c.options.init == Init::random)
    c.options.clusters.front() = static_cast<int>(draw(random, 62, 80));
  c.options.max_iterations = static_cast<int>(draw(random, 1, 10));
  c.options.tolerance = one_of(random, std::vector<double>{0.0, 0.02, 0.05, 0.2});
  c.options.seed = random();
  return c;
}

/// Phases of all pairs of a state, as one text: "seeding", "iterating done", ...
std::string phases_of(const KMeansState& state) {
  constexpr std::array<const char*, 4> names{"seeding", "iterating", "assigning", "done"};
  std::set<KMeansPhase> phases;
  for (const KMeansPair& pair : state.pairs) phases.insert(pair.phase);
  std::string text;
  for (const KMeansPhase phase : phases)
    text += (text.empty() ? "" : " ") + std::string(names[static_cast<std::size_t>(phase)]);
  return text;
}

// ---- Stops and kills.

// Stopped in each of its passes, then again after every few passes, on other ranks each time.
TEST(KMeansResume, StoppedInAnyPassItEndsWithTheSameBits) {
  std::map<std::string, int> stopped_in;
  check_property(1700, 40, random_case, [&](const Case& c) {
    const Matrix rows = rows_of(c);
    const std::vector<double> given = given_of(c, rows);
    const Ending whole = run({one_rank(c.rows)}, rows, c.options, given);
    if (!whole.error.empty()) return;
    Random random(c.seed + 2);
    for (std::int64_t pass = 1; pass <= whole.passes; ++pass) {
      Ending part = run({random_layout(c.rows, random), nullptr, pass}, rows, c.options, given);
      require(part.results.empty() == (pass < whole.passes), "stopped in the last pass, or not in another");
      for (int parts = 2; part.results.empty(); ++parts) {
        const std::string where = "stopped in pass " + std::to_string(pass) + ", part " + std::to_string(parts) + ": ";
        require(part.error.empty() && !part.saved.empty(), where + "nothing to go on from " + part.error);
        const KMeansState state = part.saved.back();
        ++stopped_in[phases_of(state)];
        // At least two passes, as one may be needed to assign the rows of pairs that were done.
        part = run({random_layout(c.rows, random), &state, draw(random, 2, 5)}, rows, c.options, given);
        require(parts <= whole.passes + 2, where + "does not come forward");
      }
      require_same_bits(part.results, whole.results, "stopped in pass " + std::to_string(pass));
    }
  });
  for (const char* phases : {"seeding", "seeding iterating", "iterating", "iterating assigning", "iterating done",
                             "iterating assigning done", "assigning", "assigning done"}) {
    EXPECT_GT(stopped_in[phases], 0) << phases;
  }
}

// What counts is the last state that was saved completely; passes after it are done again.
TEST(KMeansResume, KilledWhileSavingItEndsWithTheSameBits) {
  check_property(200, 16, random_case, [](const Case& c) {
    const Matrix rows = rows_of(c);
    const std::vector<double> given = given_of(c, rows);
    const Ending whole = run({one_rank(c.rows)}, rows, c.options, given);
    if (!whole.error.empty()) return;
    Random random(c.seed + 2);
    KMeansState state;
    bool has_state = false;
    Ending part;
    int kills = 0;
    while (part.results.empty()) {
      KMeansOptions options = c.options;
      options.checkpoint_every = static_cast<int>(draw(random, 1, 4));
      // The first save of a start may be the one that fails; ten times in a row it does not.
      const std::int64_t kill_at = draw(random, 1, 3) + kills / 10;
      part = run({random_layout(c.rows, random), has_state ? &state : nullptr, never, kill_at}, rows, options, given);
      require(part.error.empty(), part.error);
      if (!part.saved.empty()) {
        state = part.saved.back();
        has_state = true;
      }
      require(++kills < 200, "does not come forward");
    }
    require_same_bits(part.results, whole.results, "killed " + std::to_string(kills - 1) + " times");
  });
}

// One rank that dies while it saves must not leave the others waiting.
TEST(KMeansResume, ASaveThatFailsOnOneRankEndsAll) {
  const Case c = random_case(3);
  const Matrix rows = rows_of(c);
  KMeansOptions options = c.options;
  options.checkpoint_every = 1;
  const auto given = given_of(c, rows);
  EXPECT_THROW(run_in({{c.rows - 5, 0, 5}, 1, best_simd_path()}, rows,
                      [&](std::size_t rank, const KMeansRows& mine, Communicator& comm) {
                        KMeansOptions of_rank = options;
                        of_rank.save = [rank](const KMeansState&) {
                          if (rank == 1) throw Killed();
                        };
                        (void)kmeans(mine, of_rank, given, comm);
                      }),
               Killed);
}

// ---- What is saved, and when.

TEST(KMeansResume, SavesAfterEveryFewPassesAndWhenStopped) {
  check_property(300, 16, random_case, [](const Case& c) {
    const Matrix rows = rows_of(c);
    const std::vector<double> given = given_of(c, rows);
    Random random(c.seed + 2);
    KMeansOptions options = c.options;
    options.checkpoint_every = 1;
    const Ending each = run({one_rank(c.rows)}, rows, options, given);
    if (!each.error.empty()) return;
    require(std::ssize(each.saved) == each.passes, "not saved after each pass");
    for (const int every : {0, 2, 3}) {
      options.checkpoint_every = every;
      const std::int64_t stop_at = one_in(random, 2) ? draw(random, 1, each.passes) : never;
      const Ending ending = run({random_layout(c.rows, random), nullptr, stop_at}, rows, options, given);
      std::vector<std::int64_t> expected;
      for (std::int64_t pass = 1; pass <= ending.passes; ++pass) {
        if ((pass == stop_at && ending.results.empty()) || (every > 0 && pass % every == 0)) expected.push_back(pass);
      }
      require(ending.saved_at == expected, "saved after other passes, every " + std::to_string(every));
      for (std::size_t i = 0; i < expected.size(); ++i) {
        const bool same = ending.saved[i] == each.saved[static_cast<std::size_t>(expected[i]) - 1];
        require(same, "another state after pass " + std::to_string(expected[i]));
      }
    }
  });
}

// ---- States that fit, and states that do not.

/// Four blobs in five dimensions: some restarts end early, others go on.
Case plain_case(std::vector<int> clusters, int restarts) {
  Case c;
  c.seed = 17;
  c.rows = 150;
  c.dim = 5;
  c.options.clusters = std::move(clusters);
  c.options.restarts = restarts;
  c.options.max_iterations = 40;
  c.options.tolerance = 0.0;
  c.options.seed = 11;
  return c;
}

std::vector<KMeansState> all_states(const Case& c, const Matrix& rows) {
  KMeansOptions options = c.options;
  options.checkpoint_every = 1;
  return run({one_rank(rows.rows)}, rows, options, {}).saved;
}

struct Refusal {
  std::string what;
  Matrix rows;
  KMeansOptions options;
  std::vector<double> given;
  /// In the log.
  std::string named;
};

std::vector<Refusal> refusals(const Case& c, const Matrix& rows) {
  std::vector<Refusal> all;
  const auto of_rows = [&](const std::string& what, const auto& change) {
    all.push_back({what, rows, c.options, {}, "descriptors"});
    change(all.back().rows);
  };
  of_rows("one bit", [](Matrix& m) { m.values[301] = std::nextafter(m.values[301], 9.0F); });
  of_rows("two rows",
          [](Matrix& m) { std::swap_ranges(m.values.begin(), m.values.begin() + 5, m.values.begin() + 40); });
  of_rows("two columns of a row", [](Matrix& m) { std::swap(m.values[10], m.values[11]); });
  of_rows("the sign of a zero", [](Matrix& m) { m.values[2] = -0.0F; });
  of_rows("a row more", [](Matrix& m) {
    m.values.insert(m.values.end(), 5, 0.0F);
    ++m.rows;
  });
  of_rows("another length", [](Matrix& m) {
    m.rows *= 5;
    m.dim = 1;
  });
  const auto of_settings = [&](const std::string& what, const auto& change) {
    all.push_back({what, rows, c.options, {}, "settings"});
    change(all.back().options);
  };
  of_settings("seed", [](KMeansOptions& o) { ++o.seed; });
  of_settings("tolerance", [](KMeansOptions& o) { o.tolerance = 1e-300; });
  of_settings("mode", [](KMeansOptions& o) { o.mode = KMeansOptions::Mode::fast; });
  of_settings("max_iterations", [](KMeansOptions& o) { ++o.max_iterations; });
  of_settings("init", [](KMeansOptions& o) { o.init = KMeansOptions::Init::random; });
  of_settings("given", [](KMeansOptions& o) {
    o.init = KMeansOptions::Init::given;
    o.clusters.resize(1);
    o.restarts = 1;
  });
  all.back().given = rows_at(rows, {0, 1, 2, 3, 4, 5});
  return all;
}

TEST(KMeansResume, StatesOfOtherRowsOrSettingsAreLeftAlone) {
  const Case c = plain_case({6, 9}, 2);
  Matrix rows = rows_of(c);
  rows.values[2] = 0.0F;
  const std::vector<KMeansState> states = all_states(c, rows);
  for (const Refusal& refusal : refusals(c, rows)) {
    SCOPED_TRACE(refusal.what);
    const Layout layout = one_rank(refusal.rows.rows);
    const Ending fresh = run({layout}, refusal.rows, refusal.options, refusal.given);
    for (const KMeansState* state : {&states[4], &states[states.size() / 2], &states.back()}) {
      testing::internal::CaptureStderr();
      const Ending ending = run({layout, state}, refusal.rows, refusal.options, refusal.given);
      const std::string log = testing::internal::GetCapturedStderr();
      EXPECT_NE(log.find("k-means starts anew: its checkpoint is of other " + refusal.named), std::string::npos) << log;
      EXPECT_EQ(ending.passes, fresh.passes);
      require_same_bits(ending.results, fresh.results, refusal.what);
    }
  }
}

// Ranks that go on from different states would wait for each other in different passes.
TEST(KMeansResume, StatesThatDifferBetweenRanksAreRefused) {
  const Case c = plain_case({6, 9}, 2);
  const Matrix rows = rows_of(c);
  const KMeansState state = all_states(c, rows)[7];
  KMeansState bit = state;
  bit.pairs[1].centroids[3] = std::nextafter(bit.pairs[1].centroids[3], 9.0F);
  KMeansState inertia = state;
  inertia.pairs[2].final_inertia = 1e-9;
  const auto refuses = [&](const std::function<void(KMeansOptions&)>& change) {
    run_in({{50, 50, 50}, 1, best_simd_path()}, rows,
           [&](std::size_t rank, const KMeansRows& mine, Communicator& comm) {
             KMeansOptions options = c.options;
             options.resume = &state;
             if (rank == 1) change(options);
             try {
               (void)kmeans(mine, options, {}, comm);
               ADD_FAILURE() << "no exception";
             } catch (const AgreedError& error) {
               EXPECT_EQ(error.exit_code(), ExitCode::usage);
               EXPECT_NE(std::string(error.what()).find("not the same on all ranks"), std::string::npos);
             }
           });
  };
  refuses([](KMeansOptions& options) { options.resume = nullptr; });
  refuses([&](KMeansOptions& options) { options.resume = &bit; });
  refuses([&](KMeansOptions& options) { options.resume = &inertia; });
  refuses([](KMeansOptions& options) { options.checkpoint_every = 7; });
}

const KMeansPair& pair_of(const KMeansState& state, int clusters, int restart) {
  for (const KMeansPair& pair : state.pairs) {
    if (pair.clusters == clusters && pair.restart == restart) return pair;
  }
  throw PropertyFailure("no pair K = " + std::to_string(clusters) + ", restart " + std::to_string(restart));
}

// Threads, ranks, paths, the other values of K and the number of restarts are no settings of a pair.
TEST(KMeansResume, PairsThatFitAreTakenOver) {
  const Case c = plain_case({6, 9, 12}, 2);
  const Case other = plain_case({12, 4, 9}, 3);
  const Matrix rows = rows_of(c);
  const Ending fresh = run({one_rank(c.rows)}, rows, other.options, {});
  const std::vector<KMeansState> states = all_states(c, rows);
  KMeansOptions options = other.options;
  options.checkpoint_every = 1;
  Random random(1);
  for (const KMeansState& state : states) {
    const Ending ending = run({random_layout(c.rows, random), &state}, rows, options, {});
    require_same_bits(ending.results, fresh.results, "some pairs taken over");
    // After the first pass: at most one iteration more than they had, and no less.
    for (const int clusters : {9, 12}) {
      for (const int restart : {0, 1}) {
        const KMeansPair& before = pair_of(state, clusters, restart);
        const KMeansPair& after = pair_of(ending.saved.front(), clusters, restart);
        EXPECT_GE(after.inertia.size(), before.inertia.size());
        EXPECT_LE(after.inertia.size(), before.inertia.size() + 1);
        EXPECT_GE(after.centroids.size(), before.centroids.size());
      }
    }
    EXPECT_EQ(pair_of(ending.saved.front(), 9, 2).centroids.size(), 5U);
    EXPECT_EQ(pair_of(ending.saved.front(), 4, 0).centroids.size(), 5U);
  }
  // Fewer restarts: those that are not asked for do not count.
  const Case fewer = plain_case({9}, 1);
  const Ending one = run({one_rank(c.rows), &states.back()}, rows, fewer.options, {});
  EXPECT_EQ(one.passes, 1);
  require_same_bits(one.results, run({one_rank(c.rows)}, rows, fewer.options, {}).results, "fewer restarts");
}

// ---- Pairs that are done.

// Their assignment is not part of a state: one pass makes it again, for the best restart of each K alone.
TEST(KMeansResume, OnlyTheBestRestartIsAssignedAgain) {
  const Case c = plain_case({6, 9}, 4);
  const Matrix rows = rows_of(c);
  const Ending whole = run({one_rank(c.rows)}, rows, c.options, {});
  KMeansState state = all_states(c, rows).back();
  // Were a beaten restart assigned again, its inertia would turn out to be that of the best one.
  for (const KMeansResult& result : whole.results) {
    for (KMeansPair& pair : state.pairs) {
      if (pair.clusters != result.clusters || pair.restart == result.restart) continue;
      ASSERT_GE(pair.final_inertia, result.final_inertia);
      pair.final_inertia = std::max(pair.final_inertia, std::nextafter(result.final_inertia, 1e300));
      pair.centroids = result.centroids;
    }
  }
  KMeansOptions options = c.options;
  options.checkpoint_every = 1;
  const Ending ending = run({{{70, 0, 80}, 2, SimdPath::scalar}, &state}, rows, options, {});
  EXPECT_EQ(ending.passes, 1);
  EXPECT_EQ(ending.saved.back(), state);
  for (std::size_t i = 0; i < whole.results.size(); ++i) {
    EXPECT_EQ(ending.results[i].restart, whole.results[i].restart);
    EXPECT_EQ(ending.results[i].assignment, whole.results[i].assignment);
    EXPECT_EQ(ending.results[i].inertia, whole.results[i].inertia);
    EXPECT_EQ(ending.results[i].final_inertia, whole.results[i].final_inertia);
  }
}

// A restart that is done first and beaten later, and one that is done first and stays the best.
TEST(KMeansResume, ADonePairMayStayTheBestOrBeBeatenLater) {
  int stays = 0;
  int beaten = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    Case c = plain_case({7}, 3);
    c.options.seed = seed;
    const Matrix rows = rows_of(c);
    const Ending whole = run({one_rank(c.rows)}, rows, c.options, {});
    for (const KMeansState& state : all_states(c, rows)) {
      if (phases_of(state) != "iterating done") continue;
      const bool best_is_done = pair_of(state, 7, whole.results.front().restart).phase == KMeansPhase::done;
      ++(best_is_done ? stays : beaten);
      const Ending ending = run({{{0, 100, 50}, 1, SimdPath::scalar}, &state}, rows, c.options, {});
      require_same_bits(ending.results, whole.results, "seed " + std::to_string(seed));
    }
  }
  EXPECT_GT(stays, 0);
  EXPECT_GT(beaten, 0);
}

}  // namespace kmeans_resume_test
}  // namespace datus::test
