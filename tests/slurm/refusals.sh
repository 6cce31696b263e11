#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Wrong launches and failing checks are refused with the reason in the log of the job, and no output is touched; right launches
# that look like wrong ones are not.
. "$(dirname "$0")/job_lib.sh" "$@"
begin

run=$(run_of none)
# refused NAME TEXT COMMAND...: a job of one command; its run directory is not even made.
refused() {
  local name=$1 text=$2
  shift 2
  job=$("$@")
  expect_end "$job" FAILED 60 "$work/$name.log"
  expect_text "$work/$name.log" "$text"
  [ ! -e "$work/none" ] || complain "$name has touched the run directory" "$work/$name.log"
}
# step NAME COMMAND: a batch job of two nodes.
step() { sbatch --parsable --output="$work/$1.log" --nodes=2 --ntasks-per-node=2 --time=10 --wrap "exec $2"; }
# whole NAME OPTIONS...: the project's own job.
whole() { sbatch --parsable --output="$work/$1.log" "${resources[@]}" --time=10 "$root/slurm/datus.sbatch" "$shared/run.yaml" --run "$run" "${@:2}"; }
# site NAME LINE: the site's settings with another line; with_site NAME COMMAND...: a command with these.
usual_site=$DATUS_SITE
site() { { cat "$usual_site"; echo "$2"; } >"$work/$1.sh"; }
with_site() { DATUS_SITE=$work/$1.sh "${@:2}"; }

# Single processes where ranks were meant, by a launcher that does not fit.
refused singles "the launcher does not fit the MPI library" step singles "srun --mpi=none $program run $shared/run.yaml --run $run"
site pmi2 "mpi_type=pmi2"
refused pmi2 "preflight: " with_site pmi2 whole pmi2
refused forgotten-srun "SLURM_STEP_NUM_TASKS=4" step forgotten-srun "srun --mpi=none env -u PMI_RANK $program preflight"

# What preflight finds.
refused weights "there/is/none.pth" whole weights --set model.weights=there/is/none.pth
touch "$work/a-file"
run=$work/a-file/run
refused folder "$work/a-file" whole folder
run=$(run_of none)
site program "datus_program=$work/no-program"
refused program "$work/no-program" with_site program whole program
refused config "dataset.sharp_size" whole config --set dataset.sharp_size=3
# More ranks than GPUs, by a driver that knows two of them.
mkdir bin
printf '#!/bin/sh\necho "GPU 0: one"\necho "GPU 1: two"\n' >bin/nvidia-smi
chmod +x bin/nvidia-smi
site gpus "PATH=$work/bin:\$PATH"
gpus() { with_site gpus sbatch --parsable --output="$work/gpus.log" --nodes=2 --gpus-per-node=4 --ntasks-per-node=4 --time=10 \
  "$root/slurm/datus.sbatch" "$shared/run.yaml" --run "$run"; }
refused gpus "2 GPUs for 4 ranks" gpus

# Two jobs on one run: the second is refused, the first does not notice.
submit_run first --nodes=1
first=$job
lab_wait 90 "the first job works" is_extracting "$(run_of first)" || complain "the first job did not begin" "$work/first.log"
signal_ranks STOP "$first"
second=$(cd first && sbatch --parsable --output="$work/second.log" --nodes=1 --ntasks-per-node=1 --time=10 "$root/slurm/datus.sbatch" "$shared/run.yaml")
lab_wait 5 "the second job starts" has_line "$work/second.log" "start 1" || true
sleep 3
signal_ranks CONT "$first"
expect_end "$first" COMPLETED 120 "$work/first.log"
expect_end "$second" FAILED 90 "$work/second.log"
expect_text "$work/second.log" "job $first"
expect_equal "$(run_of first)"

# Not wrong: a plan in the shell of a batch job, mpirun inside an allocation.
plan=$(step plan "$program plan $shared/run.yaml --run $run")
expect_end "$plan" COMPLETED 60 "$work/plan.log"
expect_text "$work/plan.log" "images in 16 shards"
mkdir allocation
(cd allocation && salloc --nodes=2 --ntasks-per-node=2 --time=10 "$mpirun" -n 4 "$program" run "$shared/run.yaml") >allocation.log 2>&1 ||
  complain "mpirun inside salloc" allocation.log
expect_equal "$(run_of allocation)"
[ ! -e "$work/none" ] || complain "a plan has touched the run directory"
finish
