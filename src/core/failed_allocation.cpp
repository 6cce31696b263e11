// SPDX-License-Identifier: Apache-2.0
#include "datus/core/failed_allocation.hpp"

#include <atomic>

namespace datus {
namespace {

/// One for the process, as memory is: the exception may be caught on another thread than the one that threw it.
std::atomic<std::size_t>& last() noexcept {
  static std::atomic<std::size_t> bytes = 0;
  return bytes;
}

}  // namespace

void note_failed_allocation(std::size_t bytes) noexcept {
  last() = bytes;
}

std::size_t last_failed_allocation() noexcept {
  return last();
}

}  // namespace datus
