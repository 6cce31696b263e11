// SPDX-License-Identifier: Apache-2.0
#include "datus/core/version.hpp"

namespace datus {

const char* version() noexcept {
  return DATUS_VERSION;
}

}  // namespace datus
