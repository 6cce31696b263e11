#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Which GPUs the ranks of a job see: all that the job has on their node, and none of another job's. On the nodes that
# slurm/sites/gpu8.sh is for, as far as Slurm knows.
. "$(dirname "$0")/job_lib.sh" "$@"
lab_cpus=96 lab_gpus=8
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
echo "by srun \${step_options[*]}"
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

# The driver's own program, which preflight asks first, finds all.
mkdir bin
cat >bin/nvidia-smi <<'STUB'
#!/bin/sh
for gpu in 0 1 2 3 4 5 6 7; do echo "GPU $gpu: Stand-in (UUID: GPU-$gpu)"; done
STUB
chmod +x bin/nvidia-smi

# The site's own options, without a number of ranks: one for each GPU.
cat >gpu8.sh <<SITE
root=$root
. "$root/slurm/sites/gpu8.sh"
export SBATCH_PARTITION=low PATH=$work/bin:\$PATH
load_libraries() { :; }
container=""
SITE
# shellcheck source=/dev/null
run_options=$(. ./gpu8.sh && echo "$run_options")
read -ra run_options <<<"$run_options"
job=$(sbatch --parsable --partition=low --output="$work/whole.log" "${run_options[@]}" "$work/ranks.sh" 0)
expect_end "$job" COMPLETED 60 "$work/whole.log"
expect_ranks whole 16 0,1,2,3,4,5,6,7
expect_text "$work/whole.log" "--ntasks=16 --gpus-per-node=8 --mpi=none --ntasks-per-node=8 --distribution=block:block --cpus-per-task=12"
# shellcheck source=/dev/null
[ "$(. ./gpu8.sh && echo "$datus_program")" = "$root/build/cuda/datus" ] || complain "gpu8.sh does not start the build with CUDA"

# The jobs of a chain: those that use GPUs with preset best have all of their nodes', the others have none. In the place of datus a program
# that says what it sees.
mkdir -p chain
cat >program <<'STUB'
#!/usr/bin/env bash
[ "$1" = preflight ] || echo "$1 sees ${CUDA_VISIBLE_DEVICES-no GPU}"
STUB
chmod +x program
cat gpu8.sh - >chain.sh <<SITE
datus_program=$work/program
mpi_type=none
for options in describe_options mask_options; do
  printf -v "\$options" %s "\${!options/--partition=cpu/--partition=low}"
done
SITE
(cd chain && DATUS_SITE=$work/chain.sh "$root/slurm/pipeline.sh" "$shared/run.yaml") >chain.log 2>&1 || complain "submitting the chain" chain.log
while read -r stages job; do
  log=$work/chain/datus-$job.log
  expect_end "$job" COMPLETED 60 "$log"
  for stage in ${stages//+/ }; do
    case $stage in
      extract | segment | cluster) sees=0,1,2,3,4,5,6,7 ;;
      *) sees="no GPU" ;;
    esac
    if ! grep -q "^$stage sees " "$log" || grep "^$stage sees " "$log" | grep -qv " sees $sees\$"; then
      complain "$stage sees other GPUs than $sees" "$log"
    fi
  done
done <chain.log
expect_text chain.log "cluster "

# A build without CUDA, or a driver that does not work, on a job that was given GPUs: an error before any work, unless the
# configuration says that it is wanted.
cat >>gpu8.sh <<SITE
datus_program=$program
SITE
DATUS_SITE=$work/gpu8.sh
# submit_given NAME GPUS [options of datus...]
submit_given() {
  mkdir -p "$work/$1"
  job=$(cd "$work/$1" && sbatch --parsable --output="$work/$1.log" --nodes=1 --exclusive --time=5 --cpus-per-task=48 "$2" \
    "$root/slurm/datus.sbatch" "$shared/run.yaml" "${@:3}")
}
submit_given idle --gpus-per-node=2
expect_end "$job" FAILED 120 "$work/idle.log"
expect_text "$work/idle.log" "The job was given GPUs (SLURM_STEP_GPUS=0,1), and none can be used"
if [ -e "$work/idle/runs" ]; then complain "work was begun" "$work/idle.log"; fi
submit_given gres --gres=gpu:8
expect_end "$job" FAILED 120 "$work/gres.log"
expect_text "$work/gres.log" "The job was given GPUs (SLURM_STEP_GPUS="
submit_given half --gpus-per-node=2 --set model.device=cpu
expect_end "$job" FAILED 120 "$work/half.log"
expect_text "$work/half.log" "or set cluster.device: cpu to leave them idle"
submit_given wanted --gpus-per-node=2 --set model.device=cpu --set cluster.device=cpu
expect_end "$job" COMPLETED 180 "$work/wanted.log"
finish
