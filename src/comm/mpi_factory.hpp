// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"

#include <cstdint>
#include <memory>

namespace datus {

/// Elements (bytes in broadcast and gather) that one MPI message holds unless told otherwise: well
/// inside MPI's `int`.
inline constexpr std::int64_t default_mpi_piece = std::int64_t{1} << 30;

/// COLLECTIVE over all ranks of the job. A communicator over a duplicate of MPI_COMM_WORLD, for the
/// thread that initialised MPI. Longer arrays travel in pieces of `max_elements` elements, which
/// must be the same on all ranks. Destroying it is COLLECTIVE too and must come before
/// MPI_Finalize.
///
/// `run_distributed` makes the one that a program uses; this is for code with an MPI start of its
/// own, such as tests. Throws `Error` when `max_elements` is not in [1, 2^31 - 1], `SystemError`
/// when MPI is not running or a call fails.
[[nodiscard]] std::unique_ptr<Communicator> make_mpi_communicator(std::int64_t max_elements = default_mpi_piece);

}  // namespace datus
