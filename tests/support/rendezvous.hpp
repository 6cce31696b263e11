// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/error.hpp"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace datus {

/// What a rank calls; all ranks of a collective must bring an equal one.
struct Call {
  /// With the type, operation and root, for example "allreduce(int64, sum)".
  std::string name;
  /// Elements, where all ranks must agree on them; 0 otherwise.
  std::int64_t length = 0;
  friend bool operator==(const Call&, const Call&) = default;
};

/// Thrown on ranks that waited for a rank that had thrown: a consequence, not the cause.
class ReleasedError : public SystemError {
 public:
  using SystemError::SystemError;
};

/// Where thread-ranks meet for a collective: the last one to arrive checks that all called the same
/// and does the work on everyone's buffers, while the others wait. The first failure is final: each
/// later call throws too.
class Rendezvous {
 public:
  /// Work of a collective: gets every rank's argument, by rank.
  using Work = std::function<void(std::span<void* const>)>;

  explicit Rendezvous(int ranks);

  /// Waits until all ranks have called this, and `work` has been done once. Throws `SystemError` on
  /// a mismatch or when a rank that returned is missing, `ReleasedError` when it threw.
  void meet(int rank, const Call& call, void* argument, const Work& work);

  /// The rank comes to no further rendezvous: its body returned, or `threw`.
  void leave(int rank, bool threw);

 private:
  struct Arrival {
    Call call;
    void* argument = nullptr;
  };
  struct Departure {
    int rank = 0;
    bool threw = false;
  };

  /// The last to arrive: checks and works. Returns the text of a failure, or nothing.
  [[nodiscard]] std::optional<std::string> act(const Work& work) const;
  void fail(const std::string& problem, bool released);
  void require_intact() const;
  [[nodiscard]] std::string arrivals_text() const;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::optional<Arrival>> arrivals_;
  std::size_t arrived_ = 0;
  /// Number of completed meetings: tells a waiting rank that its own one is over.
  std::uint64_t completed_ = 0;
  std::optional<Departure> departure_;
  std::optional<std::string> failure_;
  bool released_ = false;
};

}  // namespace datus
