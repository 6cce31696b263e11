// SPDX-License-Identifier: Apache-2.0
#include "datus/core/stop_signals.hpp"

#include "datus/core/error.hpp"

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <string>

#include <time.h>

namespace datus {
namespace {

using std::chrono::nanoseconds;

// A signal handler gets nothing but the signal's number, so what it tells must have a fixed place.
std::atomic<std::int64_t> first_request{0};  // nanoseconds of the monotonic clock; 0: none
std::atomic<bool> has_insisted{false};
static_assert(std::atomic<std::int64_t>::is_always_lock_free, "a handler may touch lock-free atomics only");

constexpr nanoseconds repeats_within = std::chrono::seconds(10);
// A terminal sends it to a launcher and to its ranks, and the launcher passes it on: once, for people.
constexpr nanoseconds keys_repeat_within = std::chrono::seconds(1);

/// The one clock that may be read in a signal handler.
std::int64_t monotonic_nanoseconds() noexcept {
  timespec now{};
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

extern "C" void request_stop(int signal) {
  const std::int64_t now = monotonic_nanoseconds();
  std::int64_t first = 0;
  if (first_request.compare_exchange_strong(first, now, std::memory_order_relaxed)) return;
  const nanoseconds within = signal == SIGINT ? keys_repeat_within : repeats_within;
  if (now - first >= within.count()) has_insisted.store(true, std::memory_order_relaxed);
}

}  // namespace

StopSignals::StopSignals() {
  first_request.store(0, std::memory_order_relaxed);
  has_insisted.store(false, std::memory_order_relaxed);
  struct sigaction action {};
  action.sa_handler = request_stop;
  // Interrupted system calls go on: the work notices the request by itself.
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
  return first_request.load(std::memory_order_relaxed) != 0;
}

bool StopSignals::out_of_grace(std::chrono::seconds grace) const noexcept {
  const std::int64_t first = first_request.load(std::memory_order_relaxed);
  if (first == 0) return false;
  return has_insisted.load(std::memory_order_relaxed) || nanoseconds(monotonic_nanoseconds() - first) >= grace;
}

void StopSignals::check_grace(std::chrono::seconds grace, const char* what) const {
  if (!out_of_grace(grace)) return;
  throw InterruptedError(std::string(what) + " was given up", "a signal asked for a stop");
}

void give_up_when_asked(const char* what) {
  if (first_request.load(std::memory_order_relaxed) == 0) return;
  throw InterruptedError(std::string(what) + " was given up", "a signal asked for a stop");
}

void ignore_stop_signals() noexcept {
  struct sigaction action {};
  action.sa_handler = SIG_IGN;
  sigemptyset(&action.sa_mask);
  for (const int signal : StopSignals::signals) (void)sigaction(signal, &action, nullptr);
}

void report_size_limits_as_errors() noexcept {
  struct sigaction action {};
  action.sa_handler = SIG_IGN;
  sigemptyset(&action.sa_mask);
  (void)sigaction(SIGXFSZ, &action, nullptr);
}

}  // namespace datus
