#pragma once

#include <functional>

#include "datus/comm/communicator.hpp"
#include "datus/core/error.hpp"

namespace datus {

/// The only entry to MPI. Initialises it (thread level FUNNELED), refuses wrong launches, runs `body` with the world's
/// communicator and finalises; returns the body's exit code.
///
/// An exception on one rank is printed as "rank R on HOST: TEXT" and ends the whole job with MPI_Abort and the error's
/// exit code: a rank that went on to MPI_Finalize would wait for the others for ever. An `AgreedError`, which all ranks
/// throw together, is printed once by rank 0 and every rank leaves in order with its exit code.
///
/// Wrong launch: a world of size 1 although the launcher says that it started more tasks (a launcher and an MPI library
/// that do not fit each other start N single jobs that would overwrite each other's files).
[[nodiscard]] int run_distributed(int& argc, char**& argv, const std::function<ExitCode(Communicator&)>& body);

}  // namespace datus
