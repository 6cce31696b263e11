// SPDX-License-Identifier: Apache-2.0
#include "datus/core/error.hpp"

#include "datus/core/text.hpp"

#include <system_error>

namespace datus {

Error::Error(ExitCode code, std::string_view problem, std::string_view why, std::string_view what_to_do)
    : std::runtime_error(message_text(problem, why, what_to_do)), code_(code) {}

Error::Error(ExitCode code, const std::string& text) : std::runtime_error(text), code_(code) {}

UsageError::UsageError(std::string_view problem, std::string_view why, std::string_view what_to_do)
    : Error(ExitCode::usage, problem, why, what_to_do) {}

InputError::InputError(std::string_view problem, std::string_view why, std::string_view what_to_do)
    : Error(ExitCode::bad_input, problem, why, what_to_do) {}

SystemError::SystemError(std::string_view problem, std::string_view why, std::string_view what_to_do)
    : Error(ExitCode::failure, problem, why, what_to_do) {}

InterruptedError::InterruptedError(std::string_view what, std::string_view why)
    : Error(ExitCode::interrupted, what, why, "Start it again: it goes on where it stopped.") {}

std::string errno_text(int code) {
  return std::generic_category().message(code);
}

}  // namespace datus
