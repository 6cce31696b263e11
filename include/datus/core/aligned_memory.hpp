// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace datus {

/// Memory that starts at a cache line. From a few MiB on it starts at a large page, and the system is asked to use such
/// pages: a pass over many rows then spends no time on looking up addresses (an eighth of a k-means pass, measured in a
/// virtual machine). Throws `std::bad_alloc`.
[[nodiscard]] void* allocate_aligned(std::size_t bytes);
/// Gives back what `allocate_aligned(bytes)` returned.
void free_aligned(void* memory, std::size_t bytes) noexcept;

}  // namespace datus
