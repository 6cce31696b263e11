// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/core/usable_cores.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace datus {

/// What the environment says about the threads of one rank. Both are upper limits.
struct ThreadLimits {
  /// SLURM_CPUS_PER_TASK, inside a job step only: without its task plugins Slurm grants cores, but binds nobody to
  /// them.
  std::optional<int> batch_system;
  /// OMP_NUM_THREADS; of a list ("4,2") the first number.
  std::optional<int> user;

  /// The share within the limits.
  [[nodiscard]] int of(int share) const noexcept;
};

/// Value of a variable of the environment, or a null pointer.
using Variables = std::function<const char*(const char*)>;

/// What is not a positive number limits nothing.
[[nodiscard]] ThreadLimits thread_limits(const Variables& variables);
/// From this process' environment.
[[nodiscard]] ThreadLimits thread_limits();

/// COLLECTIVE. The cores of every rank, by rank.
[[nodiscard]] std::vector<UsableCores> cores_of_all_ranks(Communicator& comm, const UsableCores& own);

/// How many cores this rank can count on, at least 1, when each is shared evenly by the ranks that may run on it.
/// `all`: of every rank, by rank.
[[nodiscard]] int fair_share_of_rank(const Communicator& comm, std::span<const UsableCores> all);

/// COLLECTIVE. Threads that this rank may use, at least 1: its fair share of the cores that it may run on, which it
/// shares with the ranks that may run on them too, within `thread_limits`. Rank 0 warns when a launcher has bound the
/// ranks of its machine to a small part of it.
[[nodiscard]] int threads_per_rank(Communicator& comm);

/// What to say when the ranks of `launcher`'s machine may use less than half of the cores that their launcher may;
/// empty when they may use more.
[[nodiscard]] std::string binding_advice(std::span<const UsableCores> all, const UsableCores& launcher);

}  // namespace datus
