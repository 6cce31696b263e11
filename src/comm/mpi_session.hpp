// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/error.hpp"

#include <string>

namespace datus {

/// MPI from initialisation (thread level FUNNELED) to finalisation. The destructor finalises, which
/// waits for all ranks: a rank that failed must call `abort_job` instead.
class MpiSession {
 public:
  MpiSession(int& argc, char**& argv);
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;
  MpiSession(MpiSession&&) = delete;
  MpiSession& operator=(MpiSession&&) = delete;
};

/// This process in the running job.
struct JobPlace {
  int rank = 0;
  int size = 1;
  /// "rank R on HOST".
  std::string name;
};

/// Also before MPI is initialised and after it is finalised: then rank 0 of 1.
[[nodiscard]] JobPlace job_place();

/// Ends all ranks of the job at once, with this exit code.
[[noreturn]] void abort_job(ExitCode code) noexcept;

}  // namespace datus
