// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace datus {

/// Whether the environment was made by something that starts MPI ranks. If not, the program is
/// alone and needs no MPI: starting Open MPI without a launcher takes 0.3 s, forks a daemon, and
/// fails on a machine without any network.
[[nodiscard]] bool started_by_launcher();

/// Throws `UsageError` where MPI_Init would end the process with a text of its own: Open MPI in a
/// Slurm step of several tasks without PMI. To be called before MPI is initialised.
void require_startable();

/// Throws `UsageError` when this rank is alone (`world_size` 1) although the launcher says that it
/// started more tasks.
void require_right_launch(int world_size);

}  // namespace datus
