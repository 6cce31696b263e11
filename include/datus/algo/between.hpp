// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace datus {

/// How one place of a line lies between two of a line with another number of places: (1 - share) of `before` and
/// `share` of `after`.
struct Between {
  std::int32_t before;
  std::int32_t after;
  float share;
};

}  // namespace datus
