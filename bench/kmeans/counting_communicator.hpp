// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"

#include <cstdint>
#include <vector>

namespace datus::bench {

/// Passes everything on to another communicator, and notes how many bytes each allreduce took and how long it lasted on
/// this rank (the wait for the slowest rank is part of it).
class CountingCommunicator final : public Communicator {
 public:
  struct Reduction {
    std::int64_t bytes = 0;
    double seconds = 0.0;
  };

  explicit CountingCommunicator(Communicator& to) : to_(to) {}

  [[nodiscard]] const std::vector<Reduction>& reductions() const { return reductions_; }

  [[nodiscard]] int rank() const noexcept override { return to_.rank(); }
  [[nodiscard]] int size() const noexcept override { return to_.size(); }
  [[nodiscard]] int local_rank() const noexcept override { return to_.local_rank(); }
  [[nodiscard]] int local_size() const noexcept override { return to_.local_size(); }
  void barrier() override { to_.barrier(); }
  void allreduce(std::span<std::int64_t> values, ReduceOp op) override { reduce(values, op); }
  void allreduce(std::span<std::uint64_t> values, ReduceOp op) override { reduce(values, op); }
  void allreduce(std::span<float> values, ReduceOp op) override { reduce(values, op); }
  void allreduce(std::span<double> values, ReduceOp op) override { reduce(values, op); }
  void broadcast(std::span<std::byte> bytes, int root) override { to_.broadcast(bytes, root); }
  [[nodiscard]] std::vector<std::vector<std::byte>> gather(std::span<const std::byte> bytes, int root) override {
    return to_.gather(bytes, root);
  }
  /// Groups are not counted.
  [[nodiscard]] std::unique_ptr<Communicator> split(int group) override { return to_.split(group); }

 private:
  template <class T>
  void reduce(std::span<T> values, ReduceOp op);

  Communicator& to_;
  std::vector<Reduction> reductions_;
};

/// Seconds of each of `repeats` int64 sums of `bytes` bytes. COLLECTIVE. The ranks start together.
[[nodiscard]] std::vector<double> time_allreduce(Communicator& comm, std::int64_t bytes, int repeats);

}  // namespace datus::bench
