#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Shared by the scripts in slurm/: the site, the layout of the job, and how its steps are started. Source it with `root` set to
# the folder of the project; it starts nothing.

# say TEXT...: a line for the log of the job.
say() { printf '%s %s: %s\n' "$(date '+%F %T')" "$(basename "${script:-$0}")" "$*"; }

# as_typed WORDS...: as they would be typed to a shell, on one line, whatever is in them.
as_typed() {
  local line
  printf -v line '%q ' "$@"
  printf '%s\n' "${line% }"
}

# words_of NAME: sets `words` to the options in this variable of the site: a text with blanks between them, or an array where
# options have blanks in them. What looks like a pattern of file names stays as it is.
words_of() {
  words=()
  if [[ $(declare -p "$1") == "declare -a"* ]]; then
    local -n options_of_site=$1
    words=("${options_of_site[@]}")
  else
    read -r -d '' -a words <<<"${!1}" || true
  fi
}

# load_site: reads the site's settings, $DATUS_SITE or slurm/site.sh; without one, defaults and whatever is in the environment.
load_site() {
  run_options="" extract_options="" segment_options="" describe_options="" cluster_options="" mask_options="" smoke_options=""
  datus_program=$root/build/release/datus
  container="" container_options=""
  mpi_type=pmix
  most_requeues=20
  # How Slurm's PMIx plugin lets the ranks meet while MPI starts. Its default (mixed) uses a tree, which in Slurm 22.05 lets some
  # of them go on before all have come: a message then reaches a rank that is not ready, and that one crashes (docs/cluster.md).
  export SLURM_PMIX_FENCE=${SLURM_PMIX_FENCE:-ring}
  # shellcheck disable=SC2317 # called where the site has none of its own
  load_libraries() { :; }
  site=${DATUS_SITE:-$root/slurm/site.sh}
  # A name without a slash is looked for on PATH by `.`.
  [[ $site == */* ]] || site=./$site
  if [ -f "$site" ]; then
    # shellcheck source=/dev/null # the site's own
    . "$site"
  elif [ -n "${DATUS_SITE:-}" ]; then
    say "there is no file $DATUS_SITE (DATUS_SITE names it)" >&2
    return 2
  fi
  datus_command=("$datus_program")
  if [ -n "$container" ]; then
    words_of container_options
    datus_command=(apptainer exec "${words[@]}" "$container" datus)
  fi
}

# resolve_layout: what the job was given. Sets nodes, ranks_per_node (0: as --ntasks spreads them), ranks, cpus_per_rank (0:
# not said) and gpus_per_node. What --ntasks-per-node or --ntasks say; otherwise one rank per GPU, or on nodes without GPUs one
# for every --cpus-per-task cores, or a single one.
resolve_layout() {
  nodes=${SLURM_JOB_NUM_NODES:-1}
  cpus_per_rank=${SLURM_CPUS_PER_TASK:-0}
  # "a100:8", or of several kinds "a100:4,v100:4". Not SLURM_GPUS_ON_NODE: --exclusive alone sets it too.
  gpus_per_node=$(tr ',' '\n' <<<"${SLURM_GPUS_PER_NODE:-0}" | sed 's/.*://' | awk '{n += $1} END {print n + 0}')
  ranks_per_node=${SLURM_NTASKS_PER_NODE:-0}
  if [ "$ranks_per_node" -eq 0 ] && [ "$gpus_per_node" -gt 0 ]; then
    ranks_per_node=$gpus_per_node
  elif [ "$ranks_per_node" -eq 0 ] && [ -z "${SLURM_NTASKS:-}" ]; then
    ranks_per_node=1
    if [ "$cpus_per_rank" -gt 0 ]; then ranks_per_node=$((${SLURM_CPUS_ON_NODE:-1} / cpus_per_rank)); fi
    if [ "$ranks_per_node" -lt 1 ]; then ranks_per_node=1; fi
  fi
  # Not SLURM_NTASKS where ranks are counted by node: with --nodes=1-4 it is that of all nodes that were asked for.
  if [ "$ranks_per_node" -gt 0 ]; then ranks=$((nodes * ranks_per_node)); else ranks=$SLURM_NTASKS; fi
}

# options_of_step TASKS: sets `step_options`, options of srun. One failed rank ends the step. A GPU is chosen by the rank itself
# among those that the job has on its node: bound to one each, ranks may not reach the others' memory directly (NCCL, peer to
# peer). Not --gpu-bind=none: that leaves CUDA_VISIBLE_DEVICES unset, and two jobs on one node would take the same cards.
options_of_step() {
  step_options=(--kill-on-bad-exit=1 --nodes="$nodes" --ntasks="$1")
  if [ "$gpus_per_node" -gt 0 ]; then step_options+=(--gpus-per-node="$gpus_per_node"); fi
}

# options_of_ranks: the same for the ranks of the job, one MPI world.
options_of_ranks() {
  options_of_step "$ranks"
  step_options+=(--mpi="$mpi_type")
  if [ "$ranks_per_node" -gt 0 ]; then step_options+=(--ntasks-per-node="$ranks_per_node"); fi
  # GPUs are counted socket by socket, and so must be the ranks that choose them by their number on the node: by default srun deals them
  # out in turns, half of them to the socket that their card is not at. Without GPUs turns are right: few ranks on large nodes
  # then share the memory of all sockets.
  if [ "$gpus_per_node" -gt 0 ]; then step_options+=(--distribution=block:block); fi
  # srun does not take it over from the job by itself (Slurm 22.05 and later).
  if [ "$cpus_per_rank" -gt 0 ]; then step_options+=(--cpus-per-task="$cpus_per_rank" --cpu-bind=cores); fi
}

# on_nodes COMMAND...: once on each node of the job, without MPI.
on_nodes() {
  options_of_step "$nodes"
  srun "${step_options[@]}" --mpi=none --ntasks-per-node=1 --cpus-per-task=1 "$@"
}

# on_ranks COMMAND...
on_ranks() {
  options_of_ranks
  srun "${step_options[@]}" "$@"
}
