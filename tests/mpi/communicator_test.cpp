// SPDX-License-Identifier: Apache-2.0
#include "comm/mpi_factory.hpp"
#include "support/communicator_checks.hpp"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

namespace datus {
namespace {

TEST(MpiCommunicator, HasAsManyRanksAsTheLauncherSays) {
  const auto comm = make_mpi_communicator();
  const char* launched = std::getenv("OMPI_COMM_WORLD_SIZE");
  EXPECT_EQ(std::to_string(comm->size()), launched == nullptr ? "1" : launched);
}

TEST(MpiCommunicator, DoesWhatEveryCommunicatorMustDo) {
  const auto comm = make_mpi_communicator();
  test::check_everything(*comm);
}

// Arrays of the checks are longer than the messages: the pieces must fit together again.
TEST(MpiCommunicator, SplitsLongArraysIntoMessages) {
  for (const std::int64_t piece : {1000, 999, 7}) {
    const auto comm = make_mpi_communicator(piece);
    test::check_everything(*comm);
  }
}

// Each is a duplicate of the world: their messages never meet.
TEST(MpiCommunicator, SeveralLiveSideBySide) {
  const auto first = make_mpi_communicator(1000);
  const auto second = make_mpi_communicator(3);
  std::array<std::int64_t, 5> a{};
  std::array<std::int64_t, 5> b{};
  a.fill(first->rank());
  b.fill(1);
  first->allreduce(a, ReduceOp::max);
  second->allreduce(b, ReduceOp::sum);
  for (const std::int64_t value : a) EXPECT_EQ(value, first->size() - 1);
  for (const std::int64_t value : b) EXPECT_EQ(value, first->size());
}

// More than one message of the default kind is beyond a test's memory; this is the largest that
// fits a test's time.
TEST(MpiCommunicator, MovesMegabytes) {
  const auto comm = make_mpi_communicator();
  constexpr std::size_t length = 3'000'000;
  auto bytes = test::input_bytes(comm->rank(), length);
  const int root = comm->size() - 1;
  const auto gathered = comm->gather(bytes, root);
  if (comm->rank() == root) {
    for (int r = 0; r < comm->size(); ++r) {
      EXPECT_EQ(gathered[static_cast<std::size_t>(r)], test::input_bytes(r, length)) << r;
    }
  }
  comm->broadcast(bytes, root);
  EXPECT_EQ(bytes, test::input_bytes(root, length));
}

}  // namespace
}  // namespace datus
