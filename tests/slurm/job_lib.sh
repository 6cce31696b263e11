#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by the tests in this folder: `. job_lib.sh PROGRAM MPIRUN WORK FAULTS`. PROGRAM is datus, WORK a folder that the tests
# share, FAULTS the library of tests/support/faults.
set -uo pipefail
program=$1
mpirun=$2
shared=$3
faults=$4
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
. "$here/lab.sh"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_rmaps_base_oversubscribe=1

missing=$(lab_missing)
if [ -n "$missing" ]; then
  echo "SKIPPED: $missing"
  exit 77
fi

failures=0
# complain TEXT [FILE...]
complain() {
  echo "FAILED: $1" >&2
  failures=$((failures + 1))
  shift
  local file
  for file in "$@"; do
    echo "--- $file" >&2
    tail -n 60 "$file" >&2
  done
}
finish() {
  if [ "$failures" -gt 0 ]; then
    echo "$failures checks failed" >&2
    tail -n 20 "$lab"/log/*.log >&2
    exit 1
  fi
  echo "all checks passed"
}

# The run that all scenarios make: 16 photos (the sample twice) in 16 shards. It computes little; in jobs it waits (`begin`).
write_configuration() {
  local copy photo
  mkdir -p "$1/images" "$1/masks"
  for copy in a b; do
    for photo in "$root"/data/suim8/images/*.jpg; do
      ln -sf "$photo" "$1/images/$copy$(basename "$photo")"
      ln -sf "$root/data/suim8/masks/$(basename "${photo%.jpg}").bmp" "$1/masks/$copy$(basename "${photo%.jpg}").bmp"
    done
  done
  cat >"$1/run.yaml" <<CONFIG
run: {directory: runs/run, grace: 5}
dataset: {kind: suim, images: $1/images, truth: $1/masks, shard_size: 1}
model: {weights: $root/data/weights/demo_vit_tiny_patch16.safetensors, input_size: 224}
segment: {method: none}
descriptor: {kind: mean_token}
cluster: {k: [100], restarts: 8, tolerance: 0, max_iterations: 100, checkpoint_every: 2}
CONFIG
}

# begin: a folder and a Slurm for this test, stopped and removed at its end. Its jobs rest before each shard of keys and in each
# iteration of k-means: so there is time to disturb them, on a fast machine too, and none of the processor's is spent on that.
begin() {
  work=$(mktemp -d "${TMPDIR:-/tmp}/datus-slurm.XXXXXX")
  # munged wants its socket where everybody can reach it.
  chmod 711 "$work"
  trap 'lab_stop; if [ "$failures" -eq 0 ] && [ -z "${DATUS_KEEP:-}" ]; then rm -rf "$work"; else echo "kept: $work" >&2; fi' EXIT
  lab_start "$work/lab" || exit 1
  export DATUS_SITE=$work/site.sh
  cat >"$DATUS_SITE" <<SITE
datus_program=$program
export LD_PRELOAD=$faults DATUS_FAULT="rename:*:delay=600:/keys/.0;MPI_Allreduce:*:delay=25:1000"
run_options="${resources[*]} --time=15"
extract_options="\$run_options" segment_options="\$run_options" describe_options="\$run_options"
cluster_options="\$run_options" mask_options="\$run_options"
SITE
  cd "$work" || exit 1
}

# The run that a test makes in its folder NAME; config.yaml has the path of a run as it was given, so all are runs/run.
run_of() { echo "$work/$1/runs/run"; }
reference=$shared/runs/run

# Whole nodes, two ranks on each: what is left of them will do.
resources=(--nodes=1-2 --exclusive --cpus-per-task=2)

# submit_run NAME [options of sbatch...]: sets `job`; its log is $work/NAME.log.
submit_run() {
  local name=$1
  shift
  mkdir -p "$work/$name"
  job=$(cd "$work/$name" && sbatch --parsable --output="$work/$name.log" "${resources[@]}" --time=15 "$@" \
    "$root/slurm/datus.sbatch" "$shared/run.yaml")
}

state_of() { squeue -h -t all -j "$1" -o %T; }
restarts_of() { scontrol -o show job "$1" | sed -n 's/.* Restarts=\([^ ]*\).*/\1/p'; }
is_in_state() { [ "$(state_of "$1")" = "$2" ]; }
has_ended() { case $(state_of "$1") in PENDING | CONFIGURING | RUNNING | COMPLETING | SUSPENDED | REQUEUED | PREEMPTED) false ;; *) true ;; esac }
has_restarted() { [ "$(restarts_of "$1")" -ge "$2" ]; }

# expect_end JOB STATE SECONDS LOG
expect_end() {
  lab_wait "$3" "job $1 has ended" has_ended "$1" || true
  is_in_state "$1" "$2" || complain "job $1 is $(state_of "$1") instead of $2" "$4"
}
# expect_restarts JOB LEAST LOG
expect_restarts() {
  [ "$(restarts_of "$1")" -ge "$2" ] || complain "job $1 was restarted $(restarts_of "$1") times instead of $2" "$3"
}
# expect_text FILE TEXT
expect_text() { grep -qF -- "$2" "$1" || complain "no line has '$2'" "$1"; }

# The files of a run that are the same however it came about.
results_in() { (cd "$1" && find . -type f ! -path './log/*' ! -name summary.json ! -name summary.js ! -name state.json | LC_ALL=C sort); }

# expect_equal RUN [REFERENCE]: the same files, byte for byte, and nothing that an ended run should not have.
expect_equal() {
  local found
  set -- "$1" "${2:-$reference}"
  if [ ! -d "$1" ]; then
    complain "there is no run $1"
    return
  fi
  found=$(
    diff <(results_in "$2") <(results_in "$1")
    results_in "$2" | while read -r file; do cmp "$2/$file" "$1/$file"; done 2>&1
  )
  [ -z "$found" ] || complain "$1 differs from $2: $found"
}

# ranks_of JOB: the processes of its ranks.
ranks_of() {
  local process
  for process in $(pgrep -f "^$program run "); do
    if grep -qz "^SLURM_JOB_ID=$1\$" "/proc/$process/environ" 2>/dev/null; then echo "$process"; fi
  done
}
# signal_ranks SIGNAL JOB: stopped ranks (STOP) keep a run where it is, without taking time of the processor.
signal_ranks() {
  local processes
  mapfile -t processes < <(ranks_of "$2")
  if [ ${#processes[@]} -gt 0 ]; then kill "-$1" "${processes[@]}" 2>/dev/null; fi
}
# commands_in: the lines of the first block of commands of a page, read from standard input.
commands_in() { awk -v fence='\140\140\140' '$0 == fence { if (inside) exit; inside = 1; next } inside'; }
# has_line FILE TEXT
has_line() { grep -qF -- "$2" "$1" 2>/dev/null; }

has_at_least() { [ "$(find "$1" -name "$2" 2>/dev/null | wc -l)" -ge "$3" ]; }
# Some shards of the run are done, others are not.
is_extracting() { has_at_least "$1/keys" '0*.h5' 3; }
# k-means has saved its state at least once.
is_clustering() { [ -f "$1/clusters/checkpoint.h5" ]; }
shards_of() { find "$1/keys" -name '0*.h5' 2>/dev/null | wc -l; }
