// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/program.hpp"
#include "support/run_files.hpp"
#include "support/small_sample.hpp"
#include "support/temp_folder.hpp"

#include <optional>

#include <gtest/gtest.h>

namespace datus::test {

/// Tests that disturb runs of so many photos, and compare their files with those of an undisturbed one.
template <class Suite, int photos>
class ReferenceRun : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    sample().emplace(photos);
    const TempFolder folder;
    const Outcome outcome = run_program(sample()->run(), {.folder = folder.path()});
    ASSERT_EQ(outcome.code, 0) << outcome;
    reference() = results_of(folder / small_run_name);
  }
  static void TearDownTestSuite() {
    sample().reset();
    reference().clear();
  }
  static std::optional<SmallSample>& sample() {
    static std::optional<SmallSample> made;
    return made;
  }
  static Contents& reference() {
    static Contents files;
    return files;
  }
};

}  // namespace datus::test
