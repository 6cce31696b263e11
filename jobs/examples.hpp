// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace datus::jobs {

/// "Examples:" and lines of the subcommand's use, for its help; empty for a subcommand without any.
[[nodiscard]] std::string examples_of(const std::string& command);

}  // namespace datus::jobs
