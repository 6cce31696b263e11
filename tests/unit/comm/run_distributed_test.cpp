// SPDX-License-Identifier: Apache-2.0
#include "datus/comm/run_distributed.hpp"

#include "comm/mpi_factory.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <string>
#include <system_error>

#include <gtest/gtest.h>
#include <mpi.h>

// One process that nobody launched; tests/mpi covers jobs of several ranks.
namespace datus {
namespace run_distributed_test {

/// Sets a variable of the environment for one test.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { EXPECT_EQ(setenv(name, value, 1), 0); }
  ~Variable() { EXPECT_EQ(unsetenv(name_), 0); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  Variable(Variable&&) = delete;
  Variable& operator=(Variable&&) = delete;

 private:
  const char* name_;
};

struct Ending {
  int exit_code = 0;
  std::string out;
  std::string err;
};

int run_plainly(const std::function<ExitCode(Communicator&)>& body) {
  std::string program = "program";
  std::array<char*, 2> arguments{program.data(), nullptr};
  int argc = 1;
  char** argv = arguments.data();
  return run_distributed(argc, argv, body);
}

/// Catches what is printed on the way.
Ending run(const std::function<ExitCode(Communicator&)>& body) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Ending ending;
  ending.exit_code = run_plainly(body);
  ending.out = testing::internal::GetCapturedStdout();
  ending.err = testing::internal::GetCapturedStderr();
  return ending;
}

TEST(RunDistributed, RunsTheBodyAloneAndSilently) {
  int calls = 0;
  const Ending ending = run([&](Communicator& comm) {
    ++calls;
    EXPECT_EQ(comm.size(), 1);
    comm.barrier();
    return ExitCode::interrupted;
  });
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(ending.exit_code, 75);
  EXPECT_EQ(ending.out, "");
  EXPECT_EQ(ending.err, "");
}

TEST(RunDistributed, PrintsAnErrorOnceAndReturnsItsCode) {
  const auto expect = [](const Ending& ending, int exit_code, const std::string& text) {
    EXPECT_EQ(ending.exit_code, exit_code);
    EXPECT_EQ(ending.out, "");
    EXPECT_EQ(ending.err, "datus: error: " + text + "\n");
  };
  expect(run([](Communicator&) -> ExitCode { throw InputError("bad file", "empty", "Copy it again."); }), 3,
         "bad file (empty) Copy it again.");
  expect(run([](Communicator&) -> ExitCode { throw std::runtime_error("from a library"); }), 1, "from a library");
  const std::string limit = std::generic_category().message(EAGAIN);
  expect(
      run([](Communicator&) -> ExitCode { throw std::system_error(EAGAIN, std::generic_category()); }), 1,
      "A thread could not be started (" + limit + ") Raise the limit of processes (ulimit -u), or set fewer threads.");
  expect(run([](Communicator& comm) {
           on_root(comm, [] { throw UsageError("unknown key", "", ""); });
           return ExitCode::done;
         }),
         2, "unknown key");
  const Ending unknown = run([](Communicator&) -> ExitCode { throw 17; });
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_NE(unknown.err.find("unknown type"), std::string::npos) << unknown.err;
}

// Inside a real step, Open MPI would end the process in MPI_Init with a text and code of its own.
TEST(RunDistributed, RefusesASlurmStepWithoutPmiBeforeMpiStarts) {
  const Variable step("SLURM_STEP_NUM_TASKS", "4");
  bool called = false;
  const Ending ending = run([&](Communicator&) {
    called = true;
    return ExitCode::done;
  });
  EXPECT_FALSE(called);
  EXPECT_EQ(ending.exit_code, 2);
  EXPECT_EQ(ending.out, "");
  EXPECT_NE(ending.err.find("SLURM_STEP_NUM_TASKS=4"), std::string::npos) << ending.err;
  int initialized = 1;
  ASSERT_EQ(MPI_Initialized(&initialized), MPI_SUCCESS);
  EXPECT_EQ(initialized, 0);
}

TEST(RunDistributed, RunsInABatchShellAndInAStepOfOneTask) {
  const Variable batch("SLURM_NTASKS", "4");
  const Variable step("SLURM_STEP_NUM_TASKS", "1");
  EXPECT_EQ(run([](Communicator&) { return ExitCode::done; }).exit_code, 0);
}

TEST(RunDistributedDeathTest, AnExceptionInANoexceptFunctionKeepsItsTextAndCode) {
  const auto body = [](Communicator&) {
    const auto careless = [](const std::function<void()>& call) noexcept { call(); };
    careless([] { throw InputError("thrown where nothing may be", "", ""); });
    return ExitCode::done;
  };
  EXPECT_EXIT((void)run_plainly(body), testing::ExitedWithCode(3), "thrown where nothing may be");
}

TEST(MakeMpiCommunicator, NeedsARunningMpiAndASensibleLength) {
  EXPECT_THROW((void)make_mpi_communicator(), SystemError);
  EXPECT_THROW((void)make_mpi_communicator(0), Error);
  EXPECT_THROW((void)make_mpi_communicator(std::int64_t{1} << 31U), Error);
}

}  // namespace run_distributed_test
}  // namespace datus
