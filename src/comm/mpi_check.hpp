// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace datus {

/// Throws `SystemError` with MPI's own text unless `code` is MPI_SUCCESS. `call` names the
/// function.
void require_mpi(int code, const char* call);

/// The same for destructors, which must not throw: prints a warning. False when it failed.
bool warn_mpi(int code, const char* call) noexcept;

}  // namespace datus
