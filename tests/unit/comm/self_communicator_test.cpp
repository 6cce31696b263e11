#include "datus/comm/self_communicator.hpp"

#include "support/communicator_checks.hpp"

#include <gtest/gtest.h>

namespace datus {
namespace {

TEST(SelfCommunicator, DoesWhatEveryCommunicatorMustDo) {
  SelfCommunicator comm;
  ASSERT_EQ(comm.size(), 1);
  test::check_everything(comm);
}

}  // namespace
}  // namespace datus
