#pragma once

// What tests ask of the errors of weights files.

#include "datus/core/error.hpp"

#include <functional>
#include <string>

#include <gtest/gtest.h>

namespace datus::test {

/// The message of the InputError that `body` throws, or "no error"; anything else fails the test.
inline std::string input_error(const std::function<void()>& body) {
  try {
    body();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

inline void expect_part(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

}  // namespace datus::test
