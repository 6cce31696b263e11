// SPDX-License-Identifier: Apache-2.0
#include "datus/comm/self_communicator.hpp"

#include "comm/reduction.hpp"

namespace datus {

// With one rank each value is its own sum, minimum and maximum; what several ranks refuse, one
// refuses too.
void SelfCommunicator::allreduce(std::span<std::int64_t> /*values*/, ReduceOp /*op*/) {}
void SelfCommunicator::allreduce(std::span<std::uint64_t> /*values*/, ReduceOp /*op*/) {}
void SelfCommunicator::allreduce(std::span<float> values, ReduceOp op) {
  require_reducible(std::span<const float>(values), op);
}
void SelfCommunicator::allreduce(std::span<double> values, ReduceOp op) {
  require_reducible(std::span<const double>(values), op);
}

void SelfCommunicator::broadcast(std::span<std::byte> /*bytes*/, int root) {
  require_valid_root(*this, root);
}

std::vector<std::vector<std::byte>> SelfCommunicator::gather(std::span<const std::byte> bytes, int root) {
  require_valid_root(*this, root);
  return {std::vector<std::byte>(bytes.begin(), bytes.end())};
}

std::unique_ptr<Communicator> SelfCommunicator::split(int group) {
  require_valid_group(group);
  return std::make_unique<SelfCommunicator>();
}

}  // namespace datus
