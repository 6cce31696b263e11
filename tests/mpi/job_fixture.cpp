// SPDX-License-Identifier: Apache-2.0
#include "datus/comm/communicator.hpp"
#include "datus/comm/run_distributed.hpp"

#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>

// A program that ends in the way its argument names, for tests/mpi/*.sh: `job_fixture ENDING RANK`.
// The failing rank is RANK; all others go on into a barrier that it never enters.
namespace {

using datus::Communicator;
using datus::ExitCode;

/// A library's careless destructor.
struct ThrowsWhenDestroyed {
  ~ThrowsWhenDestroyed() noexcept(true) { fail(); }
  static void fail() { throw datus::InputError("thrown by a destructor", "nobody can catch it", "Look here."); }
};

const std::map<std::string, std::function<void()>>& failures() {
  static const std::map<std::string, std::function<void()>> by_name{
      {"input-error", [] { throw datus::InputError("shard 7 is damaged", "hash differs", "Delete it."); }},
      {"std-exception", [] { throw std::runtime_error("vector too long"); }},
      {"integer", [] { throw 17; }},
      {"destructor", [] { const ThrowsWhenDestroyed object; }},
      {"thread", [] { std::jthread([] { throw std::runtime_error("thrown in a thread"); }); }},
      {"terminate", [] { std::terminate(); }},
  };
  return by_name;
}

ExitCode body(Communicator& comm, const std::string& ending, int failing_rank) {
  comm.barrier();
  if (ending == "done") {
    if (comm.rank() == 0) std::cout << "ranks " << comm.size() << "\n";
    return ExitCode::done;
  }
  if (ending == "interrupted") return ExitCode::interrupted;
  const auto fail_here = [&] {
    if (comm.rank() == failing_rank) throw datus::InputError("no such folder", "", "");
  };
  if (ending == "agreed") datus::collectively(comm, fail_here);
  if (comm.rank() == failing_rank) failures().at(ending)();
  comm.barrier();
  return ExitCode::done;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: job_fixture ENDING RANK\n";
    return EXIT_FAILURE;
  }
  const std::string ending = argv[1];
  const int failing_rank = std::stoi(argv[2]);
  return datus::run_distributed(argc, argv, [&](Communicator& comm) { return body(comm, ending, failing_rank); });
}
