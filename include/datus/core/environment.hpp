// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace datus {

/// The value of an environment variable; empty where it is not set. Nothing here writes the environment, so that
/// threads may ask.
[[nodiscard]] std::string environment_variable(const std::string& name);

}  // namespace datus
