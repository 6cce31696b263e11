// SPDX-License-Identifier: Apache-2.0
#include "datus/comm/device_communicator.hpp"
#include "datus/core/cuda/memory.hpp"

#include <algorithm>
#include <cstddef>

namespace datus {
namespace {

/// Numbers in the host's memory at a time. Longer arrays go through it in pieces.
constexpr std::int64_t longest_piece = std::int64_t{1} << 21;

class StagedCommunicator final : public DeviceCommunicator {
 public:
  explicit StagedCommunicator(Communicator& comm) : comm_(comm) {}

  void allreduce_sum(std::int64_t* values, std::int64_t count, const cuda::Stream& stream) override {
    if (comm_.size() == 1) return;
    for (std::int64_t begin = 0; begin < count; begin += longest_piece) {
      sum_piece(values + begin, static_cast<std::size_t>(std::min(longest_piece, count - begin)), stream);
    }
  }

  /// Its own part of a collective ends within the call, so there is nothing here that another rank could keep waiting.
  void wait(const cuda::Stream& stream) override { stream.wait(); }

  [[nodiscard]] std::string description() const override { return "MPI through the host's memory"; }

 private:
  void sum_piece(std::int64_t* values, std::size_t count, const cuda::Stream& stream) {
    if (host_.size() < count) host_ = cuda::PinnedArray<std::int64_t>(count);
    cuda::copy(host_.data(), values, count, stream);
    stream.wait();
    // By this thread and not by a callback of the stream: MPI was started for one thread alone.
    comm_.allreduce(host_.span().first(count), ReduceOp::sum);
    cuda::copy(values, host_.data(), count, stream);
    // The next piece comes into the same memory.
    stream.wait();
  }

  Communicator& comm_;
  cuda::PinnedArray<std::int64_t> host_;
};

}  // namespace

std::unique_ptr<DeviceCommunicator> make_staged_communicator(Communicator& comm) {
  return std::make_unique<StagedCommunicator>(comm);
}

}  // namespace datus
