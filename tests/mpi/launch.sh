#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Right launches run, print results only on stdout and return the program's exit code; wrong ones are refused with exit
# code 2 before anything is written. Usage: launch.sh FIXTURE MPIRUN
set -euo pipefail
. "$(dirname "$0")/job_lib.sh"

refused() {
  expect_code 2
  expect_out ""
  expect_error 1 "$1"
  expect_error 1 "srun --mpi=pmix"
}

start "no launcher" "$fixture" "done" 0
expect_code 0
expect_out "ranks 1"
[ ! -s "$work/err" ] || complain "a start without a launcher is not silent"

for count in 1 3; do
  ranks "$count" "done" 0
  expect_code 0
  expect_out "ranks $count"
  [ ! -s "$work/err" ] || complain "a good run is not silent"
done

ranks 2 interrupted 0
expect_code 75

# N single jobs, as a launcher starts them that does not fit the MPI library.
start "step without PMI" env SLURM_STEP_NUM_TASKS=4 "$fixture" "done" 0
refused "SLURM_STEP_NUM_TASKS=4"
start "step with a PMI that MPI does not know" env SLURM_STEP_NUM_TASKS=4 PMI_RANK=0 "$fixture" "done" 0
refused "SLURM_STEP_NUM_TASKS=4"
start "another MPI's mpirun" env OMPI_COMM_WORLD_SIZE=2 "$fixture" "done" 0
refused "OMPI_COMM_WORLD_SIZE=2"
start "another MPI's mpiexec" env PMI_SIZE=3 PMI_RANK=1 "$fixture" "done" 0
refused "PMI_SIZE=3"

# Not wrong: the batch script's shell, a step of one task, mpirun inside a step.
start "batch shell" env SLURM_NTASKS=4 "$fixture" "done" 0
expect_code 0
start "step of one" env SLURM_NTASKS=4 SLURM_STEP_NUM_TASKS=1 "$fixture" "done" 0
expect_code 0
start "mpirun -n 1 inside a step" env SLURM_STEP_NUM_TASKS=4 "$mpirun" -n 1 "$fixture" "done" 0
expect_code 0
expect_out "ranks 1"
start "mpirun -n 2 inside a step" env SLURM_STEP_NUM_TASKS=4 "$mpirun" -n 2 --oversubscribe "$fixture" "done" 0
expect_code 0
expect_out "ranks 2"

finish
