// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <csignal>

namespace datus {

/// While it lives, SIGTERM and SIGUSR1 (how batch systems announce a preemption or the end of the allotted time) and
/// SIGINT (Ctrl-C) do not end the process but ask for a stop, which long work looks for at its next safe point. A batch
/// step often gets the same event twice: what comes within 10 s of the first signal says nothing new; a later one is
/// somebody who insists, and so is a second SIGINT after one second.
/// One object at a time: an inner one would restore too early.
class StopSignals {
 public:
  static constexpr std::array<int, 3> signals = {SIGTERM, SIGUSR1, SIGINT};

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

  /// Whether what is open must be given up: the first signal is at least `grace` ago, or somebody insisted. Safe from
  /// any thread.
  [[nodiscard]] bool out_of_grace(std::chrono::seconds grace) const noexcept;
  /// Throws `InterruptedError` when `out_of_grace`; `what` is what is given up ("shard 12").
  void check_grace(std::chrono::seconds grace, const char* what) const;

 private:
  std::array<struct sigaction, signals.size()> previous_{};
};

/// Throws `InterruptedError` when a signal asked for a stop while `StopSignals` live: for work that may take long
/// before there is anything to finish or to keep. `what` is what is given up ("listing the images"). Safe from any
/// thread.
void give_up_when_asked(const char* what);

/// From now on this process ignores the signals that ask for a stop. For the last moments of a process whose work is
/// done: a launcher that sees the first rank leave tells the others to, and a rank that this kills has a wrong exit
/// code.
void ignore_stop_signals() noexcept;

/// A file that would grow beyond the limit of sizes (`ulimit -f`) is from now on a failing write, EFBIG, in place of a
/// signal that ends the process without a word.
void report_size_limits_as_errors() noexcept;

}  // namespace datus
