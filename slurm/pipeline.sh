#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Submits a run as a chain of jobs, each with resources of its own and each after the one before it: extract, segment, describe,
# cluster, mask+evaluate+report. Prints the number of each. Usage:
#   slurm/pipeline.sh [--dry-run] CONFIG [--set key=value …] [--run DIR]
# Resources: extract_options, segment_options, … of the site (slurm/sites has examples; `datus plan --nodes` suggests them).
set -Eeuo pipefail
root=$(CDPATH='' cd "$(dirname "$0")/.." && pwd)
. "$root/slurm/lib.sh"
load_site

dry_run=0
if [ "${1:-}" = --dry-run ]; then
  dry_run=1
  shift
fi
if [ $# -eq 0 ] || [[ $1 == -* ]]; then
  sed -n '3,6s/^# \{0,1\}//p' "$0" >&2
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

# submit STAGES OPTIONS ARGUMENTS...: after the job before it, with the options in that variable of the site. A failed job cancels
# those after it (kill-on-invalid-dep); one that is requeued keeps them waiting. A dry run prints what a shell would take: the
# number of a job, which is not known yet, is kept in a variable.
submit() {
  local stages=$1 after="" id
  words_of "$2"
  shift 2
  local command=(sbatch --parsable --job-name="datus-$stages" "${words[@]}" --kill-on-invalid-dep=yes)
  local job=("$root/slurm/datus.sbatch" "$stages" "$@")
  if [ "$dry_run" -eq 1 ]; then
    # shellcheck disable=SC2016 # the shell that it is pasted into is to expand it
    if [ ${#submitted[@]} -gt 0 ]; then printf -v after ' --dependency=afterok:${%s%%%%;*}' "${submitted[-1]}"; fi
    submitted+=("${stages//+/_}")
    # shellcheck disable=SC2016
    printf '%s=$(%s%s %s)\n' "${submitted[-1]}" "$(as_typed "${command[@]}")" "$after" "$(as_typed "${job[@]}")"
    return
  fi
  if [ ${#submitted[@]} -gt 0 ]; then command+=(--dependency="afterok:${submitted[-1]}"); fi
  id=$("${command[@]}" "${job[@]}")
  submitted+=("${id%%;*}")
  echo "$stages ${submitted[-1]}"
}

submit extract extract_options "$@"
submit segment segment_options "$@"
submit describe describe_options "$@"
submit cluster cluster_options "$@"
submit mask+evaluate+report mask_options "$@"
