#pragma once

#include <cstdint>
#include <functional>

namespace datus {

/// Number of cores this process may run on (its affinity mask), at least 1.
[[nodiscard]] int available_cores() noexcept;

/// Calls body(i) for i in [0, count) on up to `threads` threads, each index once, in no fixed order: `body` must not
/// let its result depend on that. With one thread it runs in the caller. Returns when all are done; if calls threw,
/// rethrows the exception of the lowest index among those that ran, so that the message does not depend on the timing
/// more than it must.
void parallel_for(std::int64_t count, int threads, const std::function<void(std::int64_t)>& body);

}  // namespace datus
