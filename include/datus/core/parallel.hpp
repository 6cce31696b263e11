// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

namespace datus {

/// Number of cores this process may run on (its affinity mask), at least 1.
[[nodiscard]] int available_cores() noexcept;

/// Calls body(i) for i in [0, count) on up to `threads` threads, each index once, in no fixed order: `body` must not
/// let its result depend on that, nor wait for another index to begin. Returns when all are done; if calls threw, no
/// further index begins, and the exception of the lowest index among those that ran is rethrown, so that the message
/// does not depend on the timing more than it must. Throws `SystemError`, with no index begun, when a thread cannot be
/// started. To stop early, throw, or let `body` return at once.
///
/// The caller is one of the threads; the others are its helpers. A thread's helpers are started when one of its calls
/// first needs them, sleep between its calls, and end with it. So a job's main thread starts them once, threads that
/// call at the same time never wait for each other, and there is nothing to set up or to pass on. What helpers take
/// over from the caller: for each call the floating-point environment (rounding, denormal numbers), as they are started
/// the cores that it may run on and its signal mask. What a body changes in its thread otherwise stays from call to
/// call.
///
/// With one thread, or for one index, it runs in the caller alone. A body that runs beside others has its share of the
/// threads already: its own calls run in its thread alone. A child process by fork has no helpers, and starts its own.
void parallel_for(std::int64_t count, int threads, const std::function<void(std::int64_t)>& body);

}  // namespace datus
