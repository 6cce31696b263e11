// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace datus {

/// Which process this is, so that another one can tell whether it still lives.
struct ProcessIdentity {
  std::string host;           ///< host name
  std::string boot;           ///< the kernel's boot id; empty where there is none
  std::string process_space;  ///< the PID namespace ("pid:[4026531836]"); empty where there is none
  std::int64_t process = 0;   ///< PID in that namespace
  std::int64_t started = 0;   ///< start of the process, in clock ticks since the boot: PIDs repeat
  friend bool operator==(const ProcessIdentity&, const ProcessIdentity&) = default;
};

/// This process.
[[nodiscard]] ProcessIdentity this_process();

/// How long ago it was started, on this machine; 0 when the kernel does not tell.
[[nodiscard]] double seconds_since_start(const ProcessIdentity& process);

/// What can be said of another process from here.
enum class ProcessState {
  alive,
  dead,
  unknown,  ///< it is on another machine or in another PID namespace
};
[[nodiscard]] ProcessState state_of(const ProcessIdentity& process);  ///< As its machine sees it.

/// One start of one job. Rank 0 makes it and gives it to the others, so that it is the same on all ranks.
struct JobIdentity {
  std::string job;           ///< the batch system's number (SLURM_JOB_ID), otherwise "local"
  std::int64_t restart = 0;  ///< how often the batch system has started it again (SLURM_RESTART_COUNT)
  ProcessIdentity root;      ///< rank 0
  friend bool operator==(const JobIdentity&, const JobIdentity&) = default;

  /// "4711.0.12345.8c1f02d39ae4": job, restart, PID of rank 0, and a hash of all there is to tell of it: PIDs are the
  /// same in many containers. Fit for names of files; differs from start to start.
  [[nodiscard]] std::string launch() const;
};

/// Of the calling process, from the environment of the batch system.
[[nodiscard]] JobIdentity job_from_environment();

/// One line of text, and back. Throws `InputError` (naming nothing but the text) for a text that is none.
[[nodiscard]] std::string to_text(const JobIdentity& job);
[[nodiscard]] JobIdentity job_from_text(const std::string& text);  ///< The way back.

}  // namespace datus
