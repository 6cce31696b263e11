#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace datus {

/// One line of progress on rank 0: a line that rewrites itself on a terminal, a plain line every 30 seconds in a log.
class Progress {
 public:
  /// `unit` names what is counted, for example "shards". A silent one prints nothing (other ranks).
  Progress(std::string stage, std::string unit, std::int64_t total, bool silent);
  /// Clears the line of a terminal.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  Progress(Progress&&) = delete;
  Progress& operator=(Progress&&) = delete;

  /// Shows `done` of the total with rate and time left, if enough time has passed since the last line.
  void update(std::int64_t done, std::int64_t failures);
  [[nodiscard]] double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;
  std::string stage_;
  std::string unit_;
  std::int64_t total_;
  bool silent_;
  bool terminal_;
  bool line_open_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
};

}  // namespace datus
