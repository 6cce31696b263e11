// SPDX-License-Identifier: Apache-2.0
#include "pipeline/session/progress.hpp"

#include "datus/core/log.hpp"

#include <chrono>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace datus {
namespace progress_test {

using namespace std::chrono_literals;

ProgressState state_of(double done, std::int64_t total, double seconds) {
  return {.stage = "extract", .done = done, .total = total, .seconds = seconds};
}

TEST(Progress, Text) {
  EXPECT_EQ(progress_text(state_of(0, 64, 1)), "extract: 0/64 images, at work for 1.0 s");
  EXPECT_EQ(progress_text(state_of(16.9, 64, 33.8)), "extract: 16/64 images, 0.50 images/s, 94.2 s left");
  EXPECT_EQ(progress_text(state_of(64, 64, 8)), "extract: 64/64 images, 8.00 images/s");
  EXPECT_EQ(progress_text(state_of(0, 0, 12)), "extract: at work for 12.0 s");
  ProgressState words = state_of(0, 0, 12);
  words.words = "3 passes";
  EXPECT_EQ(progress_text(words), "extract: 3 passes, at work for 12.0 s");
}

TEST(Progress, BarsFitTheirTerminal) {
  const ProgressState half = state_of(32, 64, 8);
  EXPECT_EQ(progress_bar(half, 120), "extract [============            ] 32/64 images, 4.00 images/s, 8.0 s left");
  EXPECT_EQ(progress_bar(half, 20), progress_bar(half, 120).substr(0, 20));
  EXPECT_EQ(progress_bar(state_of(65, 64, 1), 34), "extract [========================]");
  EXPECT_EQ(progress_bar(state_of(0, 0, 12), 120), "extract at work for 12.0 s");
}

TEST(Progress, LinesAreRareLaterOn) {
  EXPECT_EQ(next_progress_line(0), 1);
  EXPECT_EQ(next_progress_line(1), 2);
  EXPECT_EQ(next_progress_line(16), 32);
  EXPECT_EQ(next_progress_line(1000), 1030);
}

/// What is said while `body` works with a Progress of that kind, of 8 images.
template <class Body>
std::string said_by(bool is_silent, const Body& body) {
  testing::internal::CaptureStderr();
  {
    Progress progress("extract", 8, is_silent, [] { return 1.0; });
    body(progress);
  }
  return testing::internal::GetCapturedStderr();
}

// The one who works says nothing by himself: he may wait for others.
TEST(Progress, TheFirstLineComesByItself) {
  const auto work = [](Progress& progress) {
    progress.add(1.5);
    progress.begin_pieces(4, 10);
    progress.pieces_done(5);
    std::this_thread::sleep_for(1500ms);
    progress.end_pieces();
  };
  const std::string said = said_by(false, work);
  EXPECT_TRUE(said.starts_with("datus: extract: 4/8 images, 4.")) << said << "1 elsewhere, 1.5 and 2 here";
  EXPECT_EQ(said_by(true, work), "");
  log::set_level(log::Level::quiet);
  EXPECT_EQ(said_by(false, work), "");
  log::set_level(log::Level::normal);
}

TEST(Progress, WordsAreAskedForWhenTheyAreSaid) {
  testing::internal::CaptureStderr();
  {
    const Progress progress("cluster", false, [] { return std::string("7 passes"); });
    std::this_thread::sleep_for(1500ms);
  }
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(said.starts_with("datus: cluster: 7 passes, at work for 1.")) << said;
}

TEST(Progress, ShortWorkSaysNothing) {
  EXPECT_EQ(said_by(false, [](Progress& progress) { progress.add(8); }), "");
}

}  // namespace progress_test
}  // namespace datus
