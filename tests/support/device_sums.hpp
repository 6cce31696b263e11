// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/comm/device_communicator.hpp"
#include "datus/core/cuda/memory.hpp"

#include <cstdint>
#include <vector>

namespace datus {

/// The number that a rank brings at place `i`: both signs, more than 32 bits, different everywhere.
inline std::int64_t brought(std::int64_t rank, std::int64_t i) {
  return (i % 2 == 0 ? 1 : -1) * ((rank + 1) * 3'000'000'000LL + i);
}

inline std::int64_t summed(std::int64_t ranks, std::int64_t i) {
  std::int64_t sum = 0;
  for (std::int64_t rank = 0; rank < ranks; ++rank) sum += brought(rank, i);
  return sum;
}

/// COLLECTIVE. Sums `count` numbers `times` times in a row before it waits, and returns how many results are wrong. All
/// is work of one stream, with nothing but its order to keep it right.
inline std::int64_t wrong_sums(DeviceCommunicator& device, const Communicator& comm, std::int64_t count, int times) {
  const cuda::Stream stream;
  std::vector<std::int64_t> values(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) values[static_cast<std::size_t>(i)] = brought(comm.rank(), i);
  cuda::DeviceArray<std::int64_t> on_device(values.size());
  cuda::copy(on_device.data(), values.data(), values.size(), stream);
  std::int64_t factor = 1;
  for (int time = 0; time < times; ++time) {
    device.allreduce_sum(on_device.data(), count, stream);
    if (time > 0) factor *= comm.size();
  }
  cuda::copy(values.data(), on_device.data(), values.size(), stream);
  device.wait(stream);
  std::int64_t wrong = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    wrong += values[static_cast<std::size_t>(i)] == factor * summed(comm.size(), i) ? 0 : 1;
  }
  return wrong;
}

}  // namespace datus
