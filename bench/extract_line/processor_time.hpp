// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ctime>

namespace datus::bench {

/// Processor time of the calling thread, or of the whole process, in seconds.
inline double processor_clock(clockid_t clock) {
  timespec time{};
  if (::clock_gettime(clock, &time) != 0) return 0;
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// Of this thread, that `work` takes.
template <class Work>
double processor_seconds(const Work& work) {
  const double start = processor_clock(CLOCK_THREAD_CPUTIME_ID);
  work();
  return processor_clock(CLOCK_THREAD_CPUTIME_ID) - start;
}

}  // namespace datus::bench
