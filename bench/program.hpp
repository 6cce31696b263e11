// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/error.hpp"

#include <cstdio>
#include <exception>

namespace datus::bench {

/// What `main` returns of a benchmark: the exit code of `program`; an error becomes a line, "NAME: error: …".
inline int exit_code_of(const char* name, int (*program)(int, char**), int argc, char** argv) {
  try {
    return program(argc, argv);
  } catch (const std::exception& error) {
    (void)std::fprintf(stderr, "%s: error: %s\n", name, error.what());
    return static_cast<int>(ExitCode::failure);
  }
}

}  // namespace datus::bench
