// SPDX-License-Identifier: Apache-2.0
#include "comm/mpi_factory.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>

#include <gtest/gtest.h>
#include <mpi.h>

// main() of the tests that run under mpirun: all ranks run the same tests, rank 0 prints as usual,
// the others print their failures only, and the program fails on every rank when any rank failed or
// ran nothing. MPI is started here rather than with run_distributed, so that a test is not at the
// mercy of what it tests.
namespace {

/// A rank whose test ended early goes on to the next test and meets the others in the wrong
/// collective, for ever: end the job instead. Expectations that only fail let their test go on,
/// which is harmless.
class RankListener : public testing::EmptyTestEventListener {
 public:
  explicit RankListener(int rank) : rank_(rank) {}

  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed()) return;
    const char* file = result.file_name() == nullptr ? "unknown file" : result.file_name();
    std::fprintf(stderr, "rank %d: %s:%d: %s\n", rank_, file, result.line_number(), result.message());
    if (result.fatally_failed()) MPI_Abort(MPI_COMM_WORLD, EXIT_FAILURE);
  }

 private:
  int rank_;
};

/// COLLECTIVE. Runs all tests; true where they passed on every rank and every rank ran at least
/// one.
bool run_on_all_ranks(datus::Communicator& comm) {
  auto& listeners = testing::UnitTest::GetInstance()->listeners();
  if (comm.rank() > 0) delete listeners.Release(listeners.default_result_printer());
  listeners.Append(std::make_unique<RankListener>(comm.rank()).release());

  const bool passed = RUN_ALL_TESTS() == 0;
  const auto& result = *testing::UnitTest::GetInstance();
  // Skipped tests do not count: a program that skips them all has checked nothing.
  const std::int64_t ran = result.successful_test_count() + result.failed_test_count();
  if (ran == 0) std::fprintf(stderr, "rank %d: no test ran\n", comm.rank());
  std::int64_t verdict = passed && ran > 0 ? 1 : 0;
  comm.allreduce(std::span(&verdict, 1), datus::ReduceOp::min);
  return verdict == 1;
}

}  // namespace

int main(int argc, char** argv) {
  int provided = 0;
  if (MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS) return EXIT_FAILURE;
  testing::InitGoogleTest(&argc, argv);
  const bool passed = run_on_all_ranks(*datus::make_mpi_communicator());
  const bool finalized = MPI_Finalize() == MPI_SUCCESS;
  return passed && finalized ? EXIT_SUCCESS : EXIT_FAILURE;
}
