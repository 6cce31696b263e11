#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Submits a run as one job, with the options of the site. Usage:
#   slurm/submit.sh [--dry-run] CONFIG [options of datus run]
#   slurm/submit.sh [--dry-run] --calibrate CONFIG [options of datus plan]     one node measures for `datus plan CONFIG --nodes N`
#   slurm/submit.sh [--dry-run] --smoke                                        the shipped sample
set -euo pipefail
root=$(CDPATH='' cd "$(dirname "$0")/.." && pwd)
. "$root/slurm/lib.sh"
load_site

dry_run=0
if [ "${1:-}" = --dry-run ]; then
  dry_run=1
  shift
fi
case ${1:-} in
  --smoke)
    words_of smoke_options
    command=(sbatch "${words[@]}" "$root/slurm/smoke.sbatch")
    ;;
  --calibrate)
    shift
    words_of run_options
    command=(sbatch "${words[@]}" --nodes=1 --time=00:10:00 "$root/slurm/datus.sbatch" plan "$@" --calibrate)
    ;;
  -* | "")
    sed -n '3,6s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
  *)
    words_of run_options
    command=(sbatch "${words[@]}" "$root/slurm/datus.sbatch" "$@")
    ;;
esac
if [ "${1:-}" != --smoke ] && [ ! -f "${1:-}" ]; then
  echo "submit.sh: there is no configuration ${1:-}" >&2
  exit 2
fi
if [ "$dry_run" -eq 1 ]; then as_typed "${command[@]}"; else exec "${command[@]}"; fi
