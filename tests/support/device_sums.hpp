#pragma once

#include "datus/comm/device_communicator.hpp"
#include "datus/core/cuda/memory.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace datus::test {

/// Sums over ranks by a `Communicator`, as simple as can be: what is to be summed is copied to the host and back.
class DeviceSums final : public DeviceCommunicator {
 public:
  explicit DeviceSums(Communicator& comm) : comm_(comm) {}

  void allreduce_sum(std::int64_t* values, std::int64_t count, const cuda::Stream& stream) override {
    host_.resize(static_cast<std::size_t>(count));
    cuda::copy(host_.data(), values, host_.size(), stream);
    stream.wait();
    comm_.allreduce(host_, ReduceOp::sum);
    cuda::copy(values, host_.data(), host_.size(), stream);
  }
  void wait(const cuda::Stream& stream) override { stream.wait(); }
  [[nodiscard]] std::string description() const override { return "a test's sums"; }

 private:
  Communicator& comm_;
  std::vector<std::int64_t> host_;
};

}  // namespace datus::test
