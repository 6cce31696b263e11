// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/error.hpp"

#include <exception>
#include <string>

namespace datus {

/// What is left of an exception once it has to be printed or sent to other ranks.
struct Failure {
  /// Never `ExitCode::done`.
  ExitCode code = ExitCode::failure;
  std::string text;
  /// All ranks threw it together (an `AgreedError`).
  bool agreed = false;
};

/// Describes any exception: an `Error` keeps its exit code, everything else gets
/// `ExitCode::failure`. Must not be null.
[[nodiscard]] Failure describe_failure(const std::exception_ptr& error);

}  // namespace datus
