// SPDX-License-Identifier: Apache-2.0
#include "datus/comm/device_communicator.hpp"

#include "datus/comm/self_communicator.hpp"
#include "datus/core/error.hpp"
#include "datus/core/gpu.hpp"
#include "support/errors.hpp"

#include <functional>
#include <string>

#include <gtest/gtest.h>

namespace datus {
namespace device_communicator_test {

void expect_refused(const std::function<void()>& make) {
  test::expect_error<SystemError>(make, {"this build has no CUDA (DATUS_CUDA=OFF)", "cluster.device: cpu"});
}

TEST(DeviceCommunicator, IsRefusedByABuildWithoutCuda) {
  if (built_with_cuda()) GTEST_SKIP() << "this build has CUDA";
  SelfCommunicator comm;
  expect_refused([&] { (void)make_staged_communicator(comm); });
  expect_refused([&] { (void)make_nccl_communicator(comm, 0); });
}

}  // namespace device_communicator_test
}  // namespace datus
