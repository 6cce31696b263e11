// SPDX-License-Identifier: Apache-2.0
#include "datus/comm/self_communicator.hpp"

#include "support/communicator_checks.hpp"

#include <gtest/gtest.h>

namespace datus {
namespace self_communicator_test {

TEST(SelfCommunicator, DoesWhatEveryCommunicatorMustDo) {
  SelfCommunicator comm;
  ASSERT_EQ(comm.size(), 1);
  test::check_everything(comm);
}

}  // namespace self_communicator_test
}  // namespace datus
