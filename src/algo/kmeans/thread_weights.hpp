// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/row_weights.hpp"

#include <cstddef>
#include <memory>

namespace datus::clustering {

/// On threads of the processor.
[[nodiscard]] std::unique_ptr<RowWeights> make_thread_weights(const Context& context, std::size_t draws);

}  // namespace datus::clustering
