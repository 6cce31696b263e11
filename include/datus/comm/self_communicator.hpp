// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"

namespace datus {

/// One rank alone, without MPI: what a program uses that nobody launched on several ranks. Never
/// blocks.
class SelfCommunicator final : public Communicator {
 public:
  [[nodiscard]] int rank() const noexcept override { return 0; }
  [[nodiscard]] int size() const noexcept override { return 1; }
  [[nodiscard]] int local_rank() const noexcept override { return 0; }
  [[nodiscard]] int local_size() const noexcept override { return 1; }

  void barrier() override {}
  void allreduce(std::span<std::int64_t> values, ReduceOp op) override;
  void allreduce(std::span<std::uint64_t> values, ReduceOp op) override;
  void allreduce(std::span<float> values, ReduceOp op) override;
  void allreduce(std::span<double> values, ReduceOp op) override;
  void broadcast(std::span<std::byte> bytes, int root) override;
  [[nodiscard]] std::vector<std::vector<std::byte>> gather(std::span<const std::byte> bytes, int root) override;
  [[nodiscard]] std::unique_ptr<Communicator> split(int group) override;
};

}  // namespace datus
