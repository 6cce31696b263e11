// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <thread>

namespace datus {

/// Waiting, with an end, for what nobody announces and one has to ask for. What comes soon is noticed within
/// microseconds; what takes longer is asked for less and less often, so that a core is free for others.
class Backoff {
 public:
  explicit Backoff(std::chrono::milliseconds limit) noexcept : limit_(limit) {}

  [[nodiscard]] bool over() const noexcept { return waited() >= limit_; }

  /// Between two questions.
  void pause() const {
    using std::chrono::microseconds;
    const auto so_far = waited();
    if (so_far < microseconds(100)) return;
    if (so_far < microseconds(1000)) {
      std::this_thread::yield();
      return;
    }
    // Less than a hundredth of what was waited for already is lost.
    const auto share = std::chrono::duration_cast<microseconds>(so_far / 128);
    std::this_thread::sleep_for(std::clamp(share, microseconds(20), microseconds(1000)));
  }

 private:
  using Clock = std::chrono::steady_clock;
  [[nodiscard]] Clock::duration waited() const noexcept { return Clock::now() - start_; }

  std::chrono::milliseconds limit_;
  Clock::time_point start_ = Clock::now();
};

}  // namespace datus
