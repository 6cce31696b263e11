#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Submits a run as a chain of jobs, each with resources of its own and each after the one before it: extract, segment, describe,
# cluster, mask+evaluate+report. Prints the number of each. Usage:
#   slurm/pipeline.sh [--dry-run] CONFIG [--set key=value …] [--run DIR]
# Resources: extract_options, segment_options, … of the site (slurm/sites has examples; `datus plan --nodes` suggests them).
set -Eeuo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/slurm/lib.sh"
load_site

dry_run=0
if [ "${1:-}" = --dry-run ]; then
  dry_run=1
  shift
fi
if [ $# -eq 0 ] || [[ $1 == -* ]]; then
  sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
[ -f "$1" ] || { echo "pipeline.sh: there is no configuration $1" >&2; exit 2; }

submitted=()
# A chain without its end would leave a run half done.
cancel_submitted() {
  if [ ${#submitted[@]} -gt 0 ]; then
    echo "pipeline.sh: a job was refused; cancelling those before it: ${submitted[*]}" >&2
    scancel "${submitted[@]}"
  fi
}
trap cancel_submitted ERR

# submit STAGES OPTIONS ARGUMENTS...: after the job before it. A failed job cancels those after it (kill-on-invalid-dep); one that
# is requeued keeps them waiting.
submit() {
  local stages=$1 options=$2 after=() id
  shift 2
  if [ ${#submitted[@]} -gt 0 ]; then after=(--dependency="afterok:${submitted[-1]}"); fi
  # shellcheck disable=SC2206 # options are words
  local command=(sbatch --parsable --job-name="datus-$stages" $options --kill-on-invalid-dep=yes "${after[@]}"
    "$root/slurm/datus.sbatch" "$stages" "$@")
  if [ "$dry_run" -eq 1 ]; then
    echo "${command[@]}"
    submitted+=("ID_OF_${stages^^}")
    return
  fi
  id=$("${command[@]}")
  submitted+=("${id%%;*}")
  echo "$stages ${submitted[-1]}"
}

submit extract "$extract_options" "$@"
submit segment "$segment_options" "$@"
submit describe "$describe_options" "$@"
submit cluster "$cluster_options" "$@"
submit mask+evaluate+report "$mask_options" "$@"
