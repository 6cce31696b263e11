// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <sys/types.h>

namespace datus {

/// The cores that a process may run on: its affinity mask, which launchers and batch systems set.
struct UsableCores {
  /// Names the running kernel. Only below the same kernel equal numbers are the same core; a "node" of a batch system
  /// may be a part of a machine.
  std::uint64_t machine = 0;
  std::vector<std::uint64_t> mask;  ///< core c is bit c % 64 of word c / 64

  [[nodiscard]] bool has(int core) const noexcept;
  /// Number of cores.
  [[nodiscard]] int count() const noexcept;
};

/// Of the calling thread, or of another process of this machine; nothing when the system does not tell.
[[nodiscard]] std::optional<UsableCores> usable_cores(pid_t process = 0);

/// How many cores `all[which]` gets when every core is shared evenly by those that may use it: the sum of
/// 1 / sharers over its cores, rounded down, at least 1. `all` may be of several machines.
[[nodiscard]] int fair_share(std::span<const UsableCores> all, std::size_t which);

/// How many different cores of one machine all its processes together may use.
[[nodiscard]] int cores_in_use(std::span<const UsableCores> all, std::uint64_t machine);

}  // namespace datus
