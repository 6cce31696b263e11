// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <ctime>
#include <vector>

namespace datus::bench {

/// Seconds of one piece of work: by the clock, and of the processor, all threads of the process together. On a busy
/// machine only the second tells how fast the code is.
struct Duration {
  double wall = 0;
  double processor = 0;

  Duration& operator+=(const Duration& other) {
    wall += other.wall;
    processor += other.processor;
    return *this;
  }
};

inline double processor_seconds() {
  std::timespec time{};
  (void)::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

template <class Work>
Duration duration_of(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  const double processor = processor_seconds();
  work();
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
          processor_seconds() - processor};
}

inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace datus::bench
