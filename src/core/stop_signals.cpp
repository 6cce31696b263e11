#include "datus/core/stop_signals.hpp"

#include "datus/core/error.hpp"

#include <atomic>
#include <cerrno>

namespace datus {
namespace {

// A signal handler gets nothing but the signal's number, so what it tells must have a fixed place.
std::atomic<bool> stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a handler may touch lock-free atomics only");

extern "C" void request_stop(int /*signal*/) {
  stop_requested.store(true, std::memory_order_relaxed);
}

}  // namespace

StopSignals::StopSignals() {
  stop_requested.store(false, std::memory_order_relaxed);
  struct sigaction action {};
  action.sa_handler = request_stop;
  // Interrupted system calls go on: the work notices the flag by itself.
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < signals.size(); ++i) {
    if (sigaction(signals[i], &action, &previous_[i]) == 0) continue;
    throw SystemError("Cannot handle the signals that ask for a stop", errno_text(errno), "Report this as a defect.");
  }
}

StopSignals::~StopSignals() {
  for (std::size_t i = 0; i < signals.size(); ++i) sigaction(signals[i], &previous_[i], nullptr);
}

bool StopSignals::requested() const noexcept {
  return stop_requested.load(std::memory_order_relaxed);
}

}  // namespace datus
