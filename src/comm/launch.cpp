// SPDX-License-Identifier: Apache-2.0
#include "comm/launch.hpp"

#include "comm/mpi_check.hpp"
#include "datus/core/error.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include <mpi.h>

namespace datus {
namespace {

/// One of these is set by every launcher: mpirun, srun --mpi=pmix|pmi2, MPICH's and Intel's
/// mpiexec, MVAPICH, PALS, ALPS.
constexpr std::array launcher_variables{
    "OMPI_COMM_WORLD_SIZE", "PMIX_RANK",   "PMI_RANK",   "PMI_SIZE", "PMI_FD", "PMI_PORT",
    "MV2_COMM_WORLD_SIZE",  "PALS_RANKID", "ALPS_APP_PE"};

/// Tasks of the job step. SLURM_NTASKS says nothing: it is set in the batch script's shell too.
constexpr const char* step_tasks = "SLURM_STEP_NUM_TASKS";

const char* environment(const char* name) {
  return std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here writes the environment
}

bool is_set(const char* name) {
  return environment(name) != nullptr;
}

/// The number in a variable; 0 when it is not set or no number.
int number_in(const char* name) {
  const char* text = environment(name);
  int number = 0;
  if (text != nullptr) std::from_chars(text, text + std::strlen(text), number);
  return number;
}

/// Throws when the variable says more than one task.
void refuse_several(const char* name) {
  const int tasks = number_in(name);
  if (tasks <= 1) return;
  throw UsageError("this process is alone, but its launcher started " + std::to_string(tasks) + " tasks",
                   std::string(name) + "=" + std::to_string(tasks) +
                       ", and MPI found no other rank: the launcher does not fit the MPI library",
                   "Start with `srun --mpi=pmix` or with the mpirun of the MPI library that datus was built "
                   "with "
                   "(`srun --mpi=list` shows what Slurm offers).");
}

bool is_open_mpi() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  require_mpi(MPI_Get_library_version(text.data(), &length), "MPI_Get_library_version");
  return std::string_view(text.data(), static_cast<std::size_t>(length)).starts_with("Open MPI");
}

}  // namespace

bool started_by_launcher() {
  return std::ranges::any_of(launcher_variables, is_set) || number_in(step_tasks) > 1;
}

void require_startable() {
  if (std::ranges::none_of(launcher_variables, is_set) && is_open_mpi()) refuse_several(step_tasks);
}

void require_right_launch(int world_size) {
  if (world_size > 1) return;
  // mpirun inside a job step starts as many ranks as it likes.
  if (!is_set("OMPI_COMM_WORLD_SIZE")) refuse_several(step_tasks);
  refuse_several("OMPI_COMM_WORLD_SIZE");
  refuse_several("PMI_SIZE");
}

}  // namespace datus
