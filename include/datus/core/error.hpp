// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace datus {

/// Exit codes of the program; a batch script decides by them.
enum class ExitCode : int {
  done = 0,
  failure = 1,
  usage = 2,
  bad_input = 3,
  unreadable_images = 4,
  interrupted = 75,
};

/// The one family of exceptions. The text reads "PROBLEM (WHY) WHAT TO DO", so that whoever sees it can act on it.
///
/// Throw one of the derived types; catch `Error` where the exit code is needed.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, std::string_view problem, std::string_view why, std::string_view what_to_do);
  /// Takes a finished text, for example one that another rank sent.
  Error(ExitCode code, const std::string& text);

  [[nodiscard]] ExitCode exit_code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

/// A wrong command line or configuration (exit code 2).
class UsageError : public Error {
 public:
  UsageError(std::string_view problem, std::string_view why, std::string_view what_to_do);
};

/// Data, weights or files of a run that cannot be used (exit code 3). Name the file, and the row or key in it.
class InputError : public Error {
 public:
  InputError(std::string_view problem, std::string_view why, std::string_view what_to_do);
};

/// The system said no: disk, memory, network, a failing library call (exit code 1).
class SystemError : public Error {
 public:
  SystemError(std::string_view problem, std::string_view why, std::string_view what_to_do);
};

/// Work that was given up because a signal asked for a stop (exit code 75). The same command goes on.
class InterruptedError : public Error {
 public:
  InterruptedError(std::string_view what, std::string_view why);
};

/// An error that all ranks have agreed on: every rank throws it after the same collective, so the job ends in order
/// and the text is printed once.
class AgreedError : public Error {
 public:
  using Error::Error;
};

/// The text for `errno` value `code`, thread-safe.
[[nodiscard]] std::string errno_text(int code);

}  // namespace datus
