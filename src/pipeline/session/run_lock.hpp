// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/core/job_identity.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace datus {

/// How long a lock lives without a sign of its holder, and how often the holder gives one. The first must be several
/// times the second: a beat may be late.
struct LockTiming {
  std::chrono::milliseconds stale_after = std::chrono::seconds(60);
  std::chrono::milliseconds heartbeat = std::chrono::seconds(5);
};

/// Keeps two jobs from working on one run directory. The lock is a file (RUN/lock) with the holder's `JobIdentity`;
/// rank 0 sets its modification time again and again (the heartbeat, by the file server's clock).
///
/// A lock that is there is taken over at once when its holder is dead (same machine, no such process) or is an earlier
/// restart of the same job; when nothing is known of the holder, its heartbeat is watched: with a beat the job is
/// refused, without one for `stale_after` the lock is taken over. Where the lock is older than that already, it is
/// taken over at once if its time is by this machine's clock, and otherwise watched for two beats: other clocks may
/// lag. A dead job leaves nothing behind for good.
///
/// Files have no compare-and-swap: of several jobs that take over at the same time one may believe for a moment that it
/// has the lock while another one's is there. In the end one file is there, and only its job passes `require_held`.
class RunLock {
 public:
  /// COLLECTIVE; `job` is the same on all ranks. Takes the lock, rank 0 for all, which may wait for `stale_after` and
  /// says so; when `stop_requested` says yes meanwhile, it throws `AgreedError` (exit code interrupted). Throws
  /// `AgreedError` (exit code failure) that names the holder (job, host, process) when another job has
  /// it, or when the file cannot be written.
  RunLock(std::filesystem::path file, JobIdentity job, Communicator& comm, LockTiming timing = {},
          const std::function<bool()>& stop_requested = {});
  /// Not collective. Rank 0 ends the heartbeat and removes the file if it still holds the lock; let all ranks meet
  /// before, if others may still call `require_held`.
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;
  RunLock(RunLock&&) = delete;
  RunLock& operator=(RunLock&&) = delete;

  /// Reads the lock again: any rank and thread, before it gives a file its final name. Throws `SystemError` when
  /// another job has taken it over (naming that job), or when it is gone: this process may be one that lives on behind
  /// a dead daemon.
  void require_held() const;

 private:
  class Hold;
  std::filesystem::path file_;
  std::string text_;            ///< what the file holds as long as the lock is ours
  std::unique_ptr<Hold> hold_;  ///< on rank 0 only
};

}  // namespace datus
