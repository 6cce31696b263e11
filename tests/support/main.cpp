// SPDX-License-Identifier: Apache-2.0
// The main of test programs that hold several files: `--file NAME_test.cpp` runs the cases of that file alone.

#include <iostream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace {

/// The names of a file's cases as a filter, ':' between them.
std::string cases_of(std::string_view file) {
  std::string filter;
  const auto& all = *testing::UnitTest::GetInstance();
  for (int i = 0; i < all.total_test_suite_count(); ++i) {
    const auto& suite = *all.GetTestSuite(i);
    for (int j = 0; j < suite.total_test_count(); ++j) {
      const auto& one = *suite.GetTestInfo(j);
      const std::string_view path = one.file();
      if (path.substr(path.rfind('/') + 1) == file) filter += std::string(suite.name()) + "." + one.name() + ":";
    }
  }
  return filter;
}

}  // namespace

int main(int count, char** arguments) {
  testing::InitGoogleTest(&count, arguments);
  if (count == 1) return RUN_ALL_TESTS();
  const std::string filter = count == 3 && arguments[1] == std::string_view("--file") ? cases_of(arguments[2]) : "";
  if (filter.empty()) {
    std::cerr << "usage: " << arguments[0] << " [--file NAME_test.cpp] (a file of this program that has cases)\n";
    return 2;
  }
  // A --gtest_filter says more than a file does.
  if (testing::GTEST_FLAG(filter) == "*") testing::GTEST_FLAG(filter) = filter;
  return RUN_ALL_TESTS();
}
