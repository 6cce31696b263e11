// SPDX-License-Identifier: Apache-2.0
#include "datus/core/environment.hpp"

#include <cstdlib>

namespace datus {

std::string environment_variable(const std::string& name) {
  const char* const value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nothing writes it
  return value == nullptr ? std::string() : value;
}

}  // namespace datus
