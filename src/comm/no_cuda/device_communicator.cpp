// SPDX-License-Identifier: Apache-2.0
#include "datus/comm/device_communicator.hpp"

#include "datus/core/error.hpp"

namespace datus {
namespace {

[[noreturn]] void refuse() {
  throw SystemError("Sums between GPUs were asked for", "this build has no CUDA (DATUS_CUDA=OFF)",
                    "Build datus with -DDATUS_CUDA=ON, or set cluster.device: cpu.");
}

}  // namespace

std::unique_ptr<DeviceCommunicator> make_staged_communicator(Communicator&) {
  refuse();
}

std::unique_ptr<DeviceCommunicator> make_nccl_communicator(Communicator&, int, const DeviceTimeouts&) {
  refuse();
}

std::string nccl_version() {
  return {};
}

}  // namespace datus
