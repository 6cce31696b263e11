// SPDX-License-Identifier: Apache-2.0
#include "pipeline/shards/batch_probe.hpp"

#include "datus/core/error.hpp"
#include "datus/core/gpu.hpp"
#include "support/thread_communicator.hpp"

#include <atomic>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace batch_probe_test {

/// What a rank does with batches: those above `fits` images do not fit its GPU.
struct Rank {
  int fits = 0;
  int size = 0;
  int tries = 0;
  std::string error;
  ExitCode code = ExitCode::done;
};

/// All ranks decide together.
std::vector<Rank> decide(const BatchQuestion& question, const std::vector<int>& fits) {
  std::vector<Rank> ranks(fits.size());
  run_on_threads(static_cast<int>(fits.size()), [&](Communicator& comm) {
    Rank& rank = ranks[static_cast<std::size_t>(comm.rank())];
    rank.fits = fits[static_cast<std::size_t>(comm.rank())];
    int size = question.batch_size;
    const auto try_batch = [&] {
      ++rank.tries;
      if (size > rank.fits) throw DeviceMemoryError("a batch", "out of memory", "less");
    };
    try {
      rank.size = agree_on_batch_size(
          question, try_batch, [&](int half) { size = half; }, comm);
    } catch (const AgreedError& error) {
      rank.error = error.what();
      rank.code = error.exit_code();
    }
  });
  return ranks;
}

TEST(BatchProbe, WhatFitsEverywhereStays) {
  for (const Rank& rank : decide({.batch_size = 32}, {32, 64, 100})) {
    EXPECT_EQ(rank.size, 32);
    EXPECT_EQ(rank.tries, 1);
  }
}

TEST(BatchProbe, OneSmallGpuHalvesTheBatchesOfAllRanks) {
  for (const Rank& rank : decide({.batch_size = 33}, {100, 20, 100})) {
    EXPECT_EQ(rank.size, 16) << rank.error;
    EXPECT_EQ(rank.tries, 2);
  }
}

TEST(BatchProbe, HalfOfItMustFit) {
  for (const Rank& rank : decide({.batch_size = 32}, {100, 15})) {
    EXPECT_EQ(rank.code, ExitCode::failure);
    EXPECT_NE(rank.error.find("batches of 16"), std::string::npos) << rank.error;
    EXPECT_NE(rank.error.find("model.batch_size: 8"), std::string::npos) << rank.error;
  }
}

TEST(BatchProbe, ARunThatHasFilesOrWasHalvedKeepsItsSize) {
  for (const BatchQuestion& question :
       {BatchQuestion{.batch_size = 32, .has_files = true}, BatchQuestion{.batch_size = 16, .was_halved = true}}) {
    for (const Rank& rank : decide(question, {100, 8})) {
      EXPECT_EQ(rank.tries, 1);
      EXPECT_NE(rank.error.find("any more"), std::string::npos) << rank.error;
      EXPECT_NE(rank.error.find("another run directory"), std::string::npos) << rank.error;
    }
    for (const Rank& rank : decide(question, {100, 100})) EXPECT_EQ(rank.size, question.batch_size);
  }
}

TEST(BatchProbe, OneImageThatDoesNotFitIsAnError) {
  for (const Rank& rank : decide({.batch_size = 1}, {0})) {
    EXPECT_NE(rank.error.find("The model does not fit the GPU"), std::string::npos) << rank.error;
  }
}

TEST(BatchProbe, OtherErrorsAreNotTakenForWantOfMemory) {
  run_on_threads(1, [](Communicator& comm) {
    const auto fail = [] { throw SystemError("the GPU", "fell off the bus", "restart"); };
    EXPECT_THROW((void)agree_on_batch_size(
                     {.batch_size = 2}, fail, [](int) {}, comm),
                 SystemError);
  });
}

}  // namespace batch_probe_test
}  // namespace datus
