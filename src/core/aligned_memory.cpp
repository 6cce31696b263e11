// SPDX-License-Identifier: Apache-2.0
#include "datus/core/aligned_memory.hpp"

#include <new>

#include <sys/mman.h>

namespace datus {
namespace {

constexpr std::size_t cache_line = 64;
constexpr std::size_t large_page = std::size_t{2} << 20U;

std::align_val_t alignment_for(std::size_t bytes) {
  return std::align_val_t{bytes < 2 * large_page ? cache_line : large_page};
}

}  // namespace

void* allocate_aligned(std::size_t bytes) {
  void* const memory = ::operator new(bytes, alignment_for(bytes));
  // Advice only: where there are no large pages, small ones do.
  if (bytes >= 2 * large_page) (void)::madvise(memory, bytes / large_page * large_page, MADV_HUGEPAGE);
  return memory;
}

void free_aligned(void* memory, std::size_t bytes) noexcept {
  ::operator delete(memory, alignment_for(bytes));
}

}  // namespace datus
