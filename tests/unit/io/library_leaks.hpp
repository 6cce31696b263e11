// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The HDF5 library does not free a file that it failed to close, which the leak check of the sanitizers would report.
/// Include it in one source file of a test that makes writes fail.
extern "C" inline __attribute__((used)) const char* __lsan_default_suppressions() {  // NOLINT: the sanitizer's name
  return "leak:libhdf5";
}
