#pragma once

#include <array>
#include <csignal>

namespace datus {

/// While it lives, SIGTERM and SIGUSR1 (how batch systems announce a preemption or the end of the allotted time) do not
/// end the process but set a flag, which long work asks for at its next safe point; a batch step often gets the same
/// event twice. One at a time: an inner one would restore too early.
class StopSignals {
 public:
  /// Forgets earlier signals. Throws `SystemError` when handlers cannot be set.
  StopSignals();
  /// Brings back the handlers from before.
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  StopSignals(StopSignals&&) = delete;
  StopSignals& operator=(StopSignals&&) = delete;

  /// Whether one of the signals has come since construction.
  [[nodiscard]] bool requested() const noexcept;

 private:
  static constexpr std::array<int, 2> signals = {SIGTERM, SIGUSR1};
  std::array<struct sigaction, signals.size()> previous_{};
};

}  // namespace datus
