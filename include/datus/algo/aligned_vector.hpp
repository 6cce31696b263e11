// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/aligned_memory.hpp"

#include <vector>

namespace datus {

/// A vector whose values start at a cache line.
template <class T>
using AlignedVector = std::vector<T, CacheLineAllocator<T>>;

}  // namespace datus
