// SPDX-License-Identifier: Apache-2.0
#include "pipeline/session/run_summary.hpp"

#include "support/thread_communicator.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace datus {
namespace run_summary_test {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinite = std::numeric_limits<double>::infinity();

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

StageWork stage(const std::string& name, std::int64_t shards, std::int64_t images, double seconds) {
  StageWork work;
  work.stage = name;
  work.shards = shards;
  work.images = images;
  work.wall_seconds = seconds;
  return work;
}

class TotalWork : public testing::TestWithParam<int> {};

TEST_P(TotalWork, AddsCountsAndTakesTheLongestWallTime) {
  const int ranks = GetParam();
  run_on_threads(ranks, [&](Communicator& comm) {
    const std::int64_t r = comm.rank() + 1;
    StageWork mine = stage("extract", r, 10 * r, 100 - static_cast<double>(r));
    mine.segments = 1000 * r;
    mine.bytes = 5'000'000'000 * r;  // more than 32 bits
    mine.busy_seconds = 0.25 * static_cast<double>(r);
    mine.note = "rank " + std::to_string(comm.rank());
    const StageWork all = total_work(mine, comm);
    const std::int64_t sum = std::int64_t{ranks} * (ranks + 1) / 2;
    EXPECT_EQ(all.stage, "extract");
    EXPECT_EQ(all.shards, sum);
    EXPECT_EQ(all.images, 10 * sum);
    EXPECT_EQ(all.segments, 1000 * sum);
    EXPECT_EQ(all.bytes, 5'000'000'000 * sum);
    EXPECT_DOUBLE_EQ(all.busy_seconds, 0.25 * static_cast<double>(sum));
    EXPECT_EQ(all.wall_seconds, 99);
    EXPECT_EQ(all.note, mine.note);
  });
}

TEST_P(TotalWork, IsTheSameOnAllRanksWhoeverDidTheWork) {
  const std::vector<double> seconds = {0.1, 1e-9, 12345.678901234, 3.3333333333};
  const int ranks = GetParam();
  std::vector<double> busy;
  for (int shift = 0; shift < ranks; ++shift) {
    std::vector<double> of_ranks(static_cast<std::size_t>(ranks));
    run_on_threads(ranks, [&](Communicator& comm) {
      StageWork mine = stage("segment", 1, 1, 0);
      mine.busy_seconds = seconds[static_cast<std::size_t>((comm.rank() + shift) % ranks)];
      of_ranks[static_cast<std::size_t>(comm.rank())] = total_work(mine, comm).busy_seconds;
    });
    busy.insert(busy.end(), of_ranks.begin(), of_ranks.end());
  }
  EXPECT_EQ(std::ranges::count(busy, busy.front()), std::ssize(busy));
  double sum = 0;
  for (int r = 0; r < ranks; ++r) sum += seconds[static_cast<std::size_t>(r)];
  EXPECT_NEAR(busy.front(), sum, 1e-9 * ranks);
}

TEST_P(TotalWork, TimesThatAreNoneCountAsNone) {
  run_on_threads(GetParam(), [](Communicator& comm) {
    for (const double none : {not_a_number, -1.0, -infinite, 0.0}) {
      StageWork mine = stage("mask", 1, 1, none);
      mine.busy_seconds = none;
      const StageWork all = total_work(mine, comm);
      EXPECT_EQ(all.busy_seconds, 0);
      EXPECT_EQ(all.wall_seconds, 0);
    }
  });
}

TEST_P(TotalWork, OneRankThatDidNothingChangesNothing) {
  run_on_threads(GetParam(), [](Communicator& comm) {
    StageWork mine = stage("describe", 0, 0, 0);
    if (comm.rank() == comm.size() - 1) mine = stage("describe", 7, 70, 2.5);
    const StageWork all = total_work(mine, comm);
    EXPECT_EQ(all.shards, 7);
    EXPECT_EQ(all.images, 70);
    EXPECT_EQ(all.wall_seconds, 2.5);
  });
}

TEST(TotalWorkOfManyRanks, DoesNotWrap) {
  constexpr int ranks = 12;  // together more nanoseconds than 63 bits hold
  run_on_threads(ranks, [](Communicator& comm) {
    StageWork mine = stage("mask", 1, 1, 1);
    mine.busy_seconds = 9e8 + 0.5;
    EXPECT_DOUBLE_EQ(total_work(mine, comm).busy_seconds, (9e8 + 0.5) * ranks);
    for (const double much : {infinite, 1e300}) {
      mine.busy_seconds = mine.wall_seconds = much;
      const StageWork all = total_work(mine, comm);
      EXPECT_EQ(all.busy_seconds, 1e9 * ranks);
      EXPECT_EQ(all.wall_seconds, 1e9);
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Ranks, TotalWork, testing::Values(1, 2, 3, 4));

RunSummary large_run() {
  RunSummary summary;
  summary.images = 1234567;
  summary.shards = 19291;
  summary.segments = 9876543;
  summary.unreadable = 3;
  summary.ranks = 64;
  summary.threads = 8;
  summary.seconds = 12345.67;
  summary.stages.push_back(stage("extract", 19291, 1234564, 12000));
  summary.stages.back().bytes = 743'320'600'000;
  summary.stages.push_back(stage("segment", 19291, 1234564, 1999.96));
  summary.stages.back().segments = 9876543;
  summary.stages.back().bytes = 49'999;
  summary.stages.push_back(stage("describe", 0, 0, 0.2));
  summary.stages.push_back(stage("cluster", 19291, 0, 61.25));
  summary.stages.back().segments = 9876543;
  summary.stages.back().note = "K = 27: 300 iterations (limit reached)";
  summary.stages.push_back(stage("mask", 2, 128, 4));
  summary.stages.push_back(stage("evaluate", 0, 0, 0.1));
  summary.stages.back().note = "no ground truth";
  summary.stages.push_back(stage("report", 19291, 0, 0.04));
  return summary;
}

TEST(SummaryText, ShowsALargeRun) {
  EXPECT_EQ(
      summary_text(large_run()),
      "stage     shards     images   segments   seconds  images/s         MB\n"
      "extract   19,291  1,234,564          -  12,000.0    102.88  743,320.6\n"
      "segment   19,291  1,234,564  9,876,543   2,000.0    617.29        0.0\n"
      "describe  up to date\n"
      "cluster   19,291          -  9,876,543      61.2         -          -  K = 27: 300 iterations (limit reached)\n"
      "mask           2        128          -       4.0     32.00          -\n"
      "evaluate  no ground truth\n"
      "report    19,291          -          -       0.0         -          -\n"
      "\n"
      "1,234,567 images in 19,291 shards, 9,876,543 segments, 3 unreadable\n"
      "64 ranks with 8 threads each, 12,345.7 seconds\n");
}

TEST(SummaryText, ShowsASmallOneWithWordsForOne) {
  RunSummary summary;
  summary.images = 1;
  summary.shards = 1;
  summary.seconds = 0.96;
  summary.stages.push_back(stage("segment", 1, 1, 0.5));
  EXPECT_EQ(summary_text(summary),
            "stage    shards  images  segments  seconds  images/s  MB\n"
            "segment       1       1         -      0.5      2.00   -\n"
            "\n"
            "1 image in 1 shard\n"
            "1 rank with 1 thread each, 1.0 seconds\n");
}

TEST(SummaryText, SaysThatAllIsUpToDate) {
  RunSummary summary;
  for (const char* name : {"extract", "segment"}) summary.stages.push_back(stage(name, 0, 0, 3));
  const auto lines = lines_of(summary_text(summary));
  EXPECT_EQ(lines.at(1), "extract  up to date");
  EXPECT_EQ(lines.at(2), "segment  up to date");
  EXPECT_EQ(lines_of(summary_text({})).size(), 4U);
}

TEST(SummaryText, PutsCommasInTheRightPlaces) {
  const auto images_text = [](std::int64_t images) {
    RunSummary summary;
    summary.images = images;
    const auto line = lines_of(summary_text(summary)).at(2);
    return line.substr(0, line.find(' '));
  };
  EXPECT_EQ(images_text(0), "0");
  EXPECT_EQ(images_text(999), "999");
  EXPECT_EQ(images_text(1000), "1,000");
  EXPECT_EQ(images_text(999999), "999,999");
  EXPECT_EQ(images_text(1000000), "1,000,000");
  EXPECT_EQ(images_text(std::numeric_limits<std::int64_t>::max()), "9,223,372,036,854,775,807");
  EXPECT_EQ(images_text(-100), "-100");
  EXPECT_EQ(images_text(-123456), "-123,456");
}

TEST(SummaryText, KeepsItsColumnsWhateverTheNumbers) {
  RunSummary summary;
  for (const double seconds : {0.0, 1e-12, 1e15, not_a_number, infinite, 1e308}) {
    summary.stages.push_back(stage("extract", std::numeric_limits<std::int64_t>::max(), 3, seconds));
  }
  summary.seconds = not_a_number;
  const auto lines = lines_of(summary_text(summary));
  const std::size_t width = lines.front().size();
  for (std::size_t i = 0; i < 7; ++i) EXPECT_EQ(lines.at(i).size(), width) << lines.at(i);
  for (const auto& line : lines) EXPECT_FALSE(line.ends_with(' ')) << line;
}

TEST(SummaryJson, HoldsEveryNumber) {
  RunSummary summary = large_run();
  summary.stages.front().busy_seconds = 765432.5;
  const auto json = nlohmann::json::parse(summary_json(summary, {}).dump());
  EXPECT_EQ(json.at("schema"), 1);
  EXPECT_EQ(json.at("images"), 1234567);
  EXPECT_EQ(json.at("shards"), 19291);
  EXPECT_EQ(json.at("unreadable"), 3);
  EXPECT_EQ(json.at("segments"), 9876543);
  EXPECT_EQ(json.at("ranks"), 64);
  EXPECT_EQ(json.at("threads"), 8);
  EXPECT_EQ(json.at("seconds"), 12345.67);
  const auto& stages = json.at("stages");
  EXPECT_EQ(stages.size(), 7U);
  const auto& extract = stages.at("extract");
  EXPECT_EQ(extract.at("shards"), 19291);
  EXPECT_EQ(extract.at("images"), 1234564);
  EXPECT_EQ(extract.at("segments"), 0);
  EXPECT_EQ(extract.at("bytes"), 743'320'600'000);
  EXPECT_EQ(extract.at("busy_seconds"), 765432.5);
  EXPECT_EQ(extract.at("wall_seconds"), 12000);
  EXPECT_DOUBLE_EQ(extract.at("images_per_second").get<double>(), 1234564.0 / 12000);
  EXPECT_EQ(extract.at("note"), "");
  EXPECT_EQ(stages.at("segment").at("segments"), 9876543);
  EXPECT_EQ(stages.at("evaluate").at("note"), "no ground truth");
  EXPECT_EQ(stages.at("describe").at("shards"), 0);
  EXPECT_TRUE(stages.at("cluster").at("images_per_second").is_null());
}

// What the tree suggests stands until clusters are made again.
TEST(SummaryJson, KeepsWhatTheTreeSuggests) {
  RunSummary summary;
  EXPECT_EQ(summary_json(summary, {}).at("suggested_k"), nlohmann::json::array());
  summary.suggested_k = {2, 7};
  const auto of_clusters = summary_json(summary, {});
  EXPECT_EQ(of_clusters.at("suggested_k"), (std::vector<int>{2, 7}));
  summary.suggested_k.reset();
  EXPECT_EQ(summary_json(summary, of_clusters).at("suggested_k"), (std::vector<int>{2, 7}));
  summary.suggested_k.emplace();
  EXPECT_EQ(summary_json(summary, of_clusters).at("suggested_k"), nlohmann::json::array());
}

TEST(SummaryJson, SaysWhatIsInNoSegment) {
  EXPECT_TRUE(summary_json({}, {}).at("segmentation").is_null());
  RunSummary summary;
  summary.tally = SegmentTally{.images = 8,
                               .without_segment = 2,
                               .patches = 800,
                               .unassigned = 300,
                               .pairs = 1000,
                               .joined = 900,
                               .nearly_complete = 3,
                               .nearly_empty = 1};
  const auto json = summary_json(summary, {}).at("segmentation");
  EXPECT_EQ(json.at("images_without_segment"), 2);
  EXPECT_EQ(json.at("unassigned_patches"), 300);
  EXPECT_EQ(json.at("unassigned_share"), 0.375);
  EXPECT_EQ(json.at("edge_share"), 0.9);
  EXPECT_EQ(json.at("nearly_complete_graphs"), 3);
  EXPECT_NE(summary_text(summary).find("\n37.5 % of the patches in no segment, 2 of 8 images without any; edge share "
                                       "0.90, 3 graphs nearly complete, 1 graphs nearly empty\n"),
            std::string::npos)
      << summary_text(summary);
}

TEST(SummaryJson, KeepsTheOrderOfTheStagesAndIsValidWithoutAny) {
  std::vector<std::string> names;
  const auto json = summary_json(large_run(), {});
  for (const auto& [name, value] : json.at("stages").items()) names.push_back(name);
  EXPECT_EQ(names,
            (std::vector<std::string>{"extract", "segment", "describe", "cluster", "mask", "evaluate", "report"}));
  EXPECT_EQ(summary_json({}, {}).at("stages").dump(), "{}");
}

TEST(SummaryJson, SaysWhatTheJobWas) {
  RunSummary summary = large_run();
  summary.command = "mask";
  summary.exit_code = ExitCode::unreadable_images;
  const auto json = summary_json(summary, {});
  EXPECT_EQ(json.at("command"), "mask");
  EXPECT_EQ(json.at("exit_code"), 4);
}

// The times of a stage stand until a job has something to do in it again.
TEST(SummaryJson, KeepsTheTimesOfTheJobThatDidTheWork) {
  RunSummary first;
  first.ranks = 4;
  first.threads = 2;
  first.stages = {stage("extract", 3, 24, 12), stage("mask", 3, 24, 5)};
  const auto made = summary_json(first, {});
  EXPECT_EQ(made.at("stages").at("extract").at("last_work").at("wall_seconds"), 12);
  RunSummary idle;
  idle.stages = {stage("extract", 0, 0, 0), stage("mask", 1, 8, 2)};
  auto again = summary_json(idle, made);
  again = summary_json(idle, again);  // however often
  const auto& extract = again.at("stages").at("extract");
  EXPECT_EQ(extract.at("shards"), 0);
  EXPECT_EQ(extract.at("wall_seconds"), 0) << "of this job";
  EXPECT_EQ(extract.at("last_work").at("wall_seconds"), 12);
  EXPECT_EQ(extract.at("last_work").at("images"), 24);
  EXPECT_EQ(extract.at("last_work").at("ranks"), 4);
  EXPECT_EQ(again.at("stages").at("mask").at("last_work").at("wall_seconds"), 2);
  EXPECT_EQ(again.at("stages").at("mask").at("last_work").at("ranks"), 1);
  RunSummary report;
  report.stages = {stage("report", 1, 0, 1)};
  const auto other = summary_json(report, again);
  EXPECT_EQ(other.at("stages").at("extract").at("of_this_job"), false);
  EXPECT_EQ(other.at("stages").at("report").at("of_this_job"), true);
  EXPECT_EQ(other.at("stages").at("extract").at("last_work").at("wall_seconds"), 12);
  EXPECT_TRUE(summary_json(idle, {}).at("stages").at("extract").at("last_work").is_null());
}

TEST(SummaryJson, TakesStagesOfEarlierJobsOver) {
  RunSummary before;
  before.images = 5;
  before.stages = {stage("extract", 1, 5, 2), stage("mask", 1, 5, 3)};
  RunSummary now;
  now.images = 5;
  now.stages = {stage("mask", 1, 5, 7), stage("evaluate", 1, 5, 1)};
  const auto json = summary_json(now, summary_json(before, {}));
  EXPECT_EQ(json.at("stages").size(), 3U);
  EXPECT_EQ(json.at("stages").at("extract").at("wall_seconds"), 2);
  EXPECT_EQ(json.at("stages").at("mask").at("wall_seconds"), 7);
  EXPECT_EQ(json.at("stages").at("evaluate").at("wall_seconds"), 1);
}

TEST(SummaryJson, PassesOverASummaryThatIsNone) {
  RunSummary now;
  now.stages = {stage("mask", 1, 5, 7)};
  const auto alone = summary_json(now, {}).dump();
  for (const char* before : {"[1]", "{\"stages\": 3}", "nothing", "{}", "null"}) {
    EXPECT_EQ(summary_json(now, nlohmann::ordered_json::parse(before, nullptr, false)).dump(), alone) << before;
  }
}

TEST(SummaryJson, NeverHoldsWhatIsNoNumberInJson) {
  RunSummary summary;
  summary.seconds = infinite;
  summary.stages.push_back(stage("mask", 1, 5, not_a_number));
  const auto json = nlohmann::json::parse(summary_json(summary, {}).dump());
  EXPECT_TRUE(json.at("seconds").is_null());
  EXPECT_TRUE(json.at("stages").at("mask").at("wall_seconds").is_null());
  EXPECT_TRUE(json.at("stages").at("mask").at("images_per_second").is_null());
}

}  // namespace run_summary_test
}  // namespace datus
