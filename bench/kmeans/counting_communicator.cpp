// SPDX-License-Identifier: Apache-2.0
#include "kmeans/counting_communicator.hpp"

#include <chrono>

namespace datus::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

template <class T>
void CountingCommunicator::reduce(std::span<T> values, ReduceOp op) {
  const auto start = Clock::now();
  to_.allreduce(values, op);
  reductions_.push_back({static_cast<std::int64_t>(values.size_bytes()), seconds_since(start)});
}

template void CountingCommunicator::reduce(std::span<std::int64_t>, ReduceOp);
template void CountingCommunicator::reduce(std::span<std::uint64_t>, ReduceOp);
template void CountingCommunicator::reduce(std::span<float>, ReduceOp);
template void CountingCommunicator::reduce(std::span<double>, ReduceOp);

std::vector<double> time_allreduce(Communicator& comm, std::int64_t bytes, int repeats) {
  std::vector<std::int64_t> values(static_cast<std::size_t>(bytes) / sizeof(std::int64_t), 1);
  std::vector<double> seconds;
  for (int i = 0; i < repeats; ++i) {
    // Sums must not grow until they overflow.
    values.assign(values.size(), 1);
    comm.barrier();
    const auto start = Clock::now();
    comm.allreduce(values, ReduceOp::sum);
    seconds.push_back(seconds_since(start));
  }
  return seconds;
}

}  // namespace datus::bench
