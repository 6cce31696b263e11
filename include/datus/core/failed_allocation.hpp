// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace datus {

/// std::bad_alloc does not tell how much memory was asked for. Who replaces operator new (the program does) notes it
/// here.
void note_failed_allocation(std::size_t bytes) noexcept;

/// The bytes of the last allocation of this process that failed, on any thread; 0 where nobody noted one.
[[nodiscard]] std::size_t last_failed_allocation() noexcept;

}  // namespace datus
