// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/temp_folder.hpp"

#include <memory>

#include <gtest/gtest.h>

namespace datus::test {

/// The base of a fixture, `class NAME : public SuiteFolder<NAME>`, whose tests share a folder: what takes long is made
/// there once, by SetUpTestSuite. It goes after the last test.
template <class Suite>
class SuiteFolder : public testing::Test {
 protected:
  static const TempFolder& suite_folder() {
    if (!made()) made() = std::make_unique<TempFolder>();
    return *made();
  }
  static void TearDownTestSuite() { made().reset(); }

 private:
  static std::unique_ptr<TempFolder>& made() {
    static std::unique_ptr<TempFolder> folder;
    return folder;
  }
};

}  // namespace datus::test
