// SPDX-License-Identifier: Apache-2.0
#include "datus/core/failed_allocation.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>

// Operator new of the whole program, that the message of an allocation that failed can say how large it was. Otherwise
// it does what the library's does; the other forms of operator new call these. Not in builds with sanitizers, which
// have their own.

namespace {

template <class Allocate>
void* allocated(std::size_t bytes, const Allocate& allocate) {
  while (true) {
    if (void* const memory = allocate()) return memory;
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) break;
    handler();
  }
  datus::note_failed_allocation(bytes);
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t bytes) {
  return allocated(bytes, [&] { return std::malloc(bytes == 0 ? 1 : bytes); });
}

void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return allocated(bytes, [&] {
    const auto step = static_cast<std::size_t>(alignment);
    // aligned_alloc takes multiples only.
    return std::aligned_alloc(step, bytes == 0 ? step : (bytes + step - 1) / step * step);
  });
}

void operator delete(void* memory) noexcept {
  std::free(memory);
}

void operator delete(void* memory, std::size_t /*bytes*/) noexcept {
  std::free(memory);
}

void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept {
  std::free(memory);
}

void operator delete(void* memory, std::size_t /*bytes*/, std::align_val_t /*alignment*/) noexcept {
  std::free(memory);
}
