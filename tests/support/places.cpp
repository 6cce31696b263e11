// SPDX-License-Identifier: Apache-2.0
#include "support/places.hpp"

#include <cstdlib>

namespace datus::test {

std::filesystem::path source_path(const std::string& relative) {
  return std::filesystem::path(DATUS_SOURCE) / relative;
}

std::string data_path(const std::string& relative) {
  const char* moved = std::getenv("DATUS_TEST_DATA");
  return (moved != nullptr ? moved : DATUS_SOURCE "/tests/data") + ("/" + relative);
}

std::string program_path() {
  return DATUS_PROGRAM;
}

std::string mpirun_path() {
  return DATUS_MPIEXEC;
}

std::string faults_library_path() {
  return DATUS_FAULTS_LIBRARY;
}

std::string recorder_library_path() {
  return DATUS_RECORDER_LIBRARY;
}

}  // namespace datus::test
