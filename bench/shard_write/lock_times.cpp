// SPDX-License-Identifier: Apache-2.0
// Stands in front of the C library's mutexes in this program, for the program under test counts no times.

#include "shard_write/lock_times.hpp"

#include <atomic>
#include <cstdint>
#include <ctime>

#include <dlfcn.h>
#include <pthread.h>

namespace datus::bench {
namespace {

std::atomic<std::int64_t> inside{0};
thread_local int depth = 0;
thread_local std::int64_t begin = 0;

std::int64_t processor_nanoseconds() {
  timespec time{};
  (void)::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::int64_t{1'000'000'000} * time.tv_sec + time.tv_nsec;
}

bool is_recursive(const pthread_mutex_t* mutex) {
  constexpr int kinds = 127;
  return (mutex->__data.__kind & kinds) == PTHREAD_MUTEX_RECURSIVE_NP;
}

}  // namespace

double seconds_inside_the_lock() {
  return static_cast<double>(inside.load()) * 1e-9;
}

}  // namespace datus::bench

using Call = int(pthread_mutex_t*);

extern "C" int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  static auto* const next = reinterpret_cast<Call*>(::dlsym(RTLD_NEXT, "pthread_mutex_lock"));
  const int result = next(mutex);
  using namespace datus::bench;
  if (result == 0 && is_recursive(mutex) && depth++ == 0) begin = processor_nanoseconds();
  return result;
}

extern "C" int pthread_mutex_unlock(pthread_mutex_t* mutex) noexcept {
  static auto* const next = reinterpret_cast<Call*>(::dlsym(RTLD_NEXT, "pthread_mutex_unlock"));
  using namespace datus::bench;
  if (is_recursive(mutex) && --depth == 0) inside += processor_nanoseconds() - begin;
  return next(mutex);
}
