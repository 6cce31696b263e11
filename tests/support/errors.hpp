// SPDX-License-Identifier: Apache-2.0
#pragma once

// The text of an error that is expected, and what it must say.

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {

/// The text of the E that `body` throws, or "no error"; anything else comes out.
template <class E, class Body>
std::string error_if_any(const Body& body) {
  try {
    body();
  } catch (const E& error) {
    return error.what();
  }
  return "no error";
}

/// The text of the E that `body` throws; a failed test, and "", when it throws none.
template <class E, class Body>
std::string error_of(const Body& body) {
  try {
    body();
  } catch (const E& error) {
    return error.what();
  }
  ADD_FAILURE() << "no error of the expected kind";
  return "";
}

inline void expect_part(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << "\"" << part << "\" is not in: " << text;
}

/// Expects that `text` contains each of `parts`.
inline void expect_mentions(const std::string& text, const std::vector<std::string>& parts) {
  for (const std::string& part : parts) expect_part(text, part);
}

/// Expects `body` to throw an E whose text contains each of `parts`.
template <class E, class Body>
void expect_error(const Body& body, const std::vector<std::string>& parts) {
  expect_mentions(error_of<E>(body), parts);
}

}  // namespace datus::test
