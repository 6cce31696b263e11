// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

namespace datus::cuda {

/// The compute capabilities that the kernels of this build are compiled for, in rising order, times ten: 80 is 8.0.
/// Later cards compile what there is for the last one before them (PTX) when the program starts.
[[nodiscard]] std::vector<int> compiled_capabilities();

}  // namespace datus::cuda
