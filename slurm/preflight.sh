#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks the nodes of a job before its real work starts, in some seconds. Every problem is one line, "preflight: NODE: …", and
# nothing is written but test files that are removed again. Run it in a job: datus.sbatch does, and so can you (salloc). Usage:
#   slurm/preflight.sh [CONFIG] [--stages STAGES] [--set key=value …] [--run DIR]
# Two steps: what must be right for the program to start (on each node, below), then `datus preflight` on all ranks.
# Exit code: that of `datus preflight` (0: all is well); 75 when it was told to stop; 1 for what keeps datus from starting.
set -euo pipefail
self=$(realpath "$0")
root=$(dirname "$(dirname "$self")")

# Minutes after which a step is ended: ranks that cannot reach each other would wait for ever.
longest_minutes=${DATUS_PREFLIGHT_MINUTES:-10}

# --- on one node -------------------------------------------------------------------------------------------------------------

here=${SLURMD_NODENAME:-$(hostname -s)}
# On one line, whatever names are in it.
problem() { echo "preflight: $here: ${*//$'\n'/ }"; }

# check_program WRAPPER… PROGRAM: it is there, and so are its libraries; in a container where the wrapper is one.
check_program() {
  local program=${*: -1} wrapper=("${@:1:$#-1}") path libraries
  if [ $# -gt 1 ] && ! command -v "$1" >/dev/null; then
    problem "$1 is missing, which starts $program. Load it in load_libraries of the site file."
    return
  fi
  # shellcheck disable=SC2016 # the inner shell, in the container, is to expand it
  if ! path=$("${wrapper[@]}" sh -c 'p=$(command -v "$1") && test -x "$p" && echo "$p"' sh "$program" 2>&1 | tail -n 1); then
    problem "$program cannot be started (${path:-there is no such executable file}) See datus_program and container in the site file."
    return
  fi
  libraries=$("${wrapper[@]}" ldd "$path" 2>&1) || true # of a script ldd says that it is no program
  awk '/=> not found/ {print $1}' <<<"$libraries" | sort -u |
    while read -r library; do
      problem "$library is missing, which $path needs. Load it in load_libraries of the site file, or set LD_LIBRARY_PATH."
    done
  sed -n "s/.*: version \`\(.*\)' not found (required by \(.*\))/\1 \2/p" <<<"$libraries" | sort -u |
    while read -r version needed_by; do
      problem "version $version of a library is missing, which $needed_by needs. Load the libraries that it was built with."
    done
}

# check_gpus RANKS: one for each rank.
check_gpus() {
  local list gpus
  if ! command -v nvidia-smi >/dev/null; then
    problem "nvidia-smi is missing (is the NVIDIA driver installed?), and the job asks for GPUs."
  elif ! list=$(nvidia-smi -L 2>&1); then
    problem "the NVIDIA driver does not answer ($(head -n 1 <<<"$list")) Tell the operator of the cluster."
  else
    gpus=$(grep -c '^GPU ' <<<"$list" || true)
    if [ "$gpus" -lt "$1" ]; then problem "$gpus GPUs for $1 ranks: one for each is needed. Ask for more with --gpus-per-node."; fi
  fi
}

# check_node GPUS RANKS WRAPPER… PROGRAM: what is wrong is said, not returned: a failed task would end those on other nodes.
check_node() {
  check_program "${@:3}"
  if [ "$1" -gt 0 ]; then check_gpus "$2"; fi
}

# --- for the whole job -------------------------------------------------------------------------------------------------------

# last_lines: of the step's output, where datus has said nothing itself.
last_lines() { tail -n 15 "$output" | sed 's/^/    | /'; }

# check_nodes: a step with one task for each node, this script with --node.
check_nodes() {
  local code=0
  SLURM_TIMELIMIT=$longest_minutes on_nodes "$self" --node "$gpus_per_node" "$ranks_per_node" "${datus_command[@]}" \
    >"$output" 2>&1 || code=$?
  if grep '^preflight: ' "$output" | sort; then return 1; fi
  if [ "$code" -eq 0 ]; then return 0; fi
  stop_if_told
  sed -n 's/^srun: error: \([^:]*\): task.*: Exited with exit code .*/\1/p' "$output" | sort -u |
    while read -r node; do
      echo "preflight: $node: $self cannot be run there. Keep the project on a file system that all nodes share."
    done
  echo "preflight: $SLURM_JOB_NODELIST: the check of the nodes ended with exit code $code before all had answered. Its last lines:"
  last_lines
  return 1
}

# check_ranks [CONFIG and options]: the step that the job's work is going to be, with the same layout.
check_ranks() {
  local code=0
  run_ranks "$@" || code=$?
  if [ "$code" -ne 0 ] && ! datus_spoke && crashed; then
    echo "preflight: $SLURM_JOB_NODELIST: warning: a rank crashed while MPI started; the check of the ranks is run once more"
    code=0
    run_ranks "$@" || code=$?
  fi
  if [ "$code" -eq 0 ]; then
    cat "$output"
    return 0
  fi
  stop_if_told
  # Each rank may say the same. What datus says of a configuration names no node: it is wrong on all.
  sed "s/^datus: error: /preflight: $SLURM_JOB_NODELIST: /" "$output" | grep '^preflight: ' | awk '!seen[$0]++' || true
  if datus_spoke; then return "$(code_of_ranks)"; fi
  echo "preflight: $SLURM_JOB_NODELIST: the ranks ended before datus could say anything: $(likely_cause) Their last lines:"
  last_lines
  return 1
}

run_ranks() {
  SLURM_TIMELIMIT=$longest_minutes on_ranks "${datus_command[@]}" preflight --ranks "$ranks" "$@" >"$output" 2>&1
}

# datus_spoke: it has said what is wrong, beside warnings.
datus_spoke() { grep '^preflight: \|^datus: error: ' "$output" | grep -qv '^preflight: [^:]*: warning: '; }
crashed() { grep -qi 'segmentation fault' "$output"; }

# stop_if_told: ends when all ranks were ended by a signal that Slurm sends (preempted, cancelled), which is no problem of the
# nodes. When one fails, srun ends the others in the same way.
stop_if_told() {
  local told='task.*: Terminated\|task.*: User defined signal 1'
  if grep -q 'DUE TO TIME LIMIT' "$output" || ! grep -q "$told" "$output"; then return 0; fi
  if ! grep '^srun: error: .*: task' "$output" | grep -qv "$told"; then
    say "ended by Slurm before all was checked"
    exit 75
  fi
}

# code_of_ranks: of those that ended by themselves; srun's own code is that of the ones it ended.
code_of_ranks() {
  local code
  code=$(sed -n 's/^srun: error: .*: Exited with exit code \([0-9]*\)$/\1/p' "$output" | sort -n | tail -n 1)
  echo "${code:-1}"
}

likely_cause() {
  local cause
  if grep -q 'DUE TO TIME LIMIT' "$output"; then
    cause="no end within $longest_minutes minutes. The ranks cannot reach each other over the network, or a file system does not answer. Open MPI: name the network, as OMPI_MCA_btl_tcp_if_include=ib0."
  elif grep -qi 'invalid mpi type\|PMI' "$output"; then
    cause="--mpi=$mpi_type of srun does not fit the MPI library. Set mpi_type in the site file; srun --mpi=list shows $(offered_mpi_types)."
  elif grep -qi 'exec format error\|illegal instruction' "$output"; then
    cause="the program was built for another kind of CPU. Build it on such a node."
  elif crashed; then
    cause="a crash when MPI starts, twice. Often it takes another network than it should, or shared memory between two nodes of one host name: try OMPI_MCA_btl=tcp,self, with OMPI_MCA_btl_tcp_if_include=NETWORK."
  elif grep -qi 'oom.kill\|out of memory\|task.*: Killed' "$output"; then
    cause="a rank was killed, perhaps for want of memory. Ask for more with --mem or --mem-per-cpu."
  else
    cause="the cause is not known."
  fi
  echo "$cause"
}

offered_mpi_types() { srun --mpi=list 2>&1 | grep -v ' types are' | sed 's/.*: *//' | xargs; }

if [ "${1:-}" = --node ]; then
  check_node "${@:2}"
  exit 0
fi
if [ -z "${SLURM_JOB_ID:-}" ]; then
  echo "preflight: $here: no job is here (SLURM_JOB_ID is not set) Run it in a batch script or below salloc." >&2
  exit 2
fi
# shellcheck source=slurm/lib.sh
. "$root/slurm/lib.sh"
set +eu # what modules and site files run was not written for it
load_site || exit
load_libraries
set -eu
resolve_layout
# TMPDIR may be that of the machine where the job was submitted.
output=$(mktemp "${TMPDIR:-/tmp}/datus-preflight.XXXXXX" 2>/dev/null || mktemp /tmp/datus-preflight.XXXXXX)
trap 'rm -f "$output"' EXIT
check_nodes
check_ranks "$@"
