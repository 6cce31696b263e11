// SPDX-License-Identifier: Apache-2.0
#include "comm/mpi_session.hpp"

#include "comm/mpi_check.hpp"

#include <array>
#include <cstdlib>

#include <mpi.h>
#include <unistd.h>

namespace datus {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  // The last byte stays zero, as a name that is cut need not be terminated.
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown host";
}

bool is_running() noexcept {
  int initialized = 0;
  int finalized = 0;
  return MPI_Initialized(&initialized) == MPI_SUCCESS && MPI_Finalized(&finalized) == MPI_SUCCESS && initialized != 0 &&
         finalized == 0;
}

}  // namespace

MpiSession::MpiSession(int& argc, char**& argv) {
  int provided = 0;
  require_mpi(MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
  require_mpi(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  if (provided < MPI_THREAD_FUNNELED) {
    warn_mpi(MPI_Finalize(), "MPI_Finalize");
    throw SystemError("the MPI library refuses programs with threads", "it offers less than MPI_THREAD_FUNNELED",
                      "Use an MPI library that was built with thread support.");
  }
}

MpiSession::~MpiSession() {
  warn_mpi(MPI_Finalize(), "MPI_Finalize");
}

JobPlace job_place() {
  JobPlace place;
  if (is_running()) {
    require_mpi(MPI_Comm_rank(MPI_COMM_WORLD, &place.rank), "MPI_Comm_rank");
    require_mpi(MPI_Comm_size(MPI_COMM_WORLD, &place.size), "MPI_Comm_size");
  }
  place.name = "rank " + std::to_string(place.rank) + " on " + host_name();
  return place;
}

void abort_job(ExitCode code) noexcept {
  if (is_running()) MPI_Abort(MPI_COMM_WORLD, static_cast<int>(code));
  // Not reached in a job, unless the abort itself failed.
  std::_Exit(static_cast<int>(code));
}

}  // namespace datus
