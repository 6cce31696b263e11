// SPDX-License-Identifier: Apache-2.0
#include "comm/mpi_check.hpp"

#include "datus/core/error.hpp"
#include "datus/core/log.hpp"
#include "datus/core/text.hpp"

#include <array>
#include <string>

#include <mpi.h>

namespace datus {
namespace {

std::string mpi_error_text(int code) {
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  if (MPI_Error_string(code, text.data(), &length) != MPI_SUCCESS) return "error " + std::to_string(code);
  return {text.data(), static_cast<std::size_t>(length)};
}

}  // namespace

void require_mpi(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  throw SystemError(std::string(call) + " failed", mpi_error_text(code),
                    "Look for the first error of any rank, then at the network and the MPI installation.");
}

bool warn_mpi(int code, const char* call) noexcept {
  if (code == MPI_SUCCESS) return true;
  try {
    log::warning(
        message_text(std::string(call) + " failed", mpi_error_text(code), "Results written before it are complete."));
  } catch (...) {
    // Without memory for a warning there is nothing left to say it with.
    return false;
  }
  return false;
}

}  // namespace datus
