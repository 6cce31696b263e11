// SPDX-License-Identifier: Apache-2.0
#pragma once

// Where the build has put things. Only places.cpp is compiled with paths of this machine, so that a compiler cache
// knows all other files wherever the tree lies.

#include <filesystem>
#include <string>

namespace datus::test {

/// A path in the source tree.
std::filesystem::path source_path(const std::string& relative);

/// A path in tests/data. The environment (DATUS_TEST_DATA) names another folder where a test program runs on a machine
/// other than the one that built it.
std::string data_path(const std::string& relative);

/// The program that a test drives, in most of them `datus`.
std::string program_path();

std::string mpirun_path();

/// The library to preload that makes system calls fail.
std::string faults_library_path();

/// The library to preload that writes down what a program does to its files.
std::string recorder_library_path();

}  // namespace datus::test
