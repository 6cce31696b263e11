// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace cuda_emulation {

/// What the emulated devices were asked to do, all together, and the memory that was in use at most. What LibTorch does
/// on a card for one of its operations is not emulated, and not counted. A program whose environment names a file as
/// DATUS_EMULATED_DRAINS adds a line with its drains to that when it ends, as DATUS_EMULATED_LAUNCHES with its launches
/// and DATUS_EMULATED_BYTES_UP with its bytes_up.
struct Counters {
  /// Of kernels, and of graphs as one each.
  std::int64_t launches = 0;
  /// Operations of LibTorch that the host asked for, but for views.
  std::int64_t operations = 0;
  std::int64_t copies_up = 0;
  std::int64_t copies_down = 0;
  std::size_t bytes_up = 0;
  std::size_t bytes_down = 0;
  std::size_t peak_memory = 0;
  /// How often the host has waited for a device until that had nothing left to do.
  std::int64_t drains = 0;
};

/// Since `forget_counters`, which begins again with the memory that is in use.
Counters counters();
void forget_counters();

}  // namespace cuda_emulation
