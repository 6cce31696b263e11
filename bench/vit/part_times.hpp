// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vit/timing.hpp"
#include "vit/vit_shape.hpp"

#include <string>
#include <vector>

namespace datus::bench {

/// A part of the forward pass by itself.
struct PartTime {
  std::string part;
  Duration duration;  ///< of one image per thread, all layers together
  double flops;       ///< of one image's matrix products in it
};

/// Times the parts of a forward pass, each with the operations that the model's blocks use, on every thread at the same
/// time. What they leave of the whole pass goes to copies, allocations and threads.
[[nodiscard]] std::vector<PartTime> time_parts(const ViTShape& shape, int threads, int repeats);

}  // namespace datus::bench
