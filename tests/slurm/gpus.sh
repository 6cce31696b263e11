#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Which GPUs the ranks of a job see: all that the job has on their node, and none of another job's.
. "$(dirname "$0")/job_lib.sh" "$@"
begin

# What each rank of a step sees, with the scripts' own options.
cat >ranks.sh <<SCRIPT
#!/usr/bin/env bash
root=$root
. "\$root/slurm/lib.sh"
load_site
mpi_type=none
resolve_layout
on_ranks bash -c 'echo "rank \$SLURM_PROCID sees \${CUDA_VISIBLE_DEVICES-all of the node}"'
sleep "\$1"
SCRIPT
# submit NAME SECONDS OPTIONS...
submit() { sbatch --parsable --output="$work/$1.log" --nodes=2 --time=5 "${@:3}" "$work/ranks.sh" "$2"; }
# has_ranks NAME COUNT [GPUS]: so many ranks have spoken, and see these.
has_ranks() { [ -f "$work/$1.log" ] && [ "$(grep -c "^rank .* sees ${3:-.*}\$" "$work/$1.log")" -eq "$2" ]; }
expect_ranks() {
  if ! has_ranks "$1" "$2" || ! has_ranks "$@"; then complain "$1: not $2 ranks that see $3" "$work/$1.log"; fi
}

# Two jobs that share the nodes.
first=$(submit first 45 --gpus-per-node=2 --ntasks-per-node=2)
lab_wait 60 "the first job's ranks have spoken" has_ranks first 4 || complain "the first job did not begin" "$work/first.log"
second=$(submit second 0 --gpus-per-node=2 --ntasks-per-node=2)
expect_end "$second" COMPLETED 60 "$work/second.log"
expect_end "$first" COMPLETED 60 "$work/first.log"
expect_ranks first 4 0,1
expect_ranks second 4 2,3

# Without a number of ranks: one for each GPU.
job=$(submit whole 0 --exclusive --gpus-per-node=4 --cpus-per-task=1)
expect_end "$job" COMPLETED 60 "$work/whole.log"
expect_ranks whole 8 0,1,2,3
finish
