// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/core/error.hpp"

#include <functional>

namespace datus {

/// The only entry to MPI. Refuses wrong launches, initialises MPI (thread level FUNNELED), runs `body` with the world's
/// communicator and finalises; returns the body's exit code. Without a launcher (mpirun, srun) there is one rank, and
/// MPI is not started at all. Prints nothing but errors, on stderr. Call it once, on the main thread.
///
/// An exception on one rank of several is printed as "rank R on HOST: TEXT" and ends the whole job with MPI_Abort and
/// the error's exit code: a rank that went on to MPI_Finalize would wait for the others for ever. So does one that
/// leaves a destructor, a noexcept function or a thread (std::terminate). One rank alone prints the text and returns
/// the exit code. An `AgreedError`, which all ranks throw together, is printed once by rank 0 and every rank leaves in
/// order with its exit code.
///
/// Wrong launch (exit code 2): a world of size 1 although the launcher says that it started more tasks (a launcher and
/// an MPI library that do not fit each other start N single jobs that would overwrite each other's files).
[[nodiscard]] int run_distributed(int& argc, char**& argv, const std::function<ExitCode(Communicator&)>& body);

}  // namespace datus
