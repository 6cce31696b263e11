#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Submits a run as one job, with the options of the site. Usage:
#   slurm/submit.sh [--dry-run] CONFIG [options of datus run]
#   slurm/submit.sh [--dry-run] --calibrate CONFIG [options of datus plan]     one node measures for `datus plan CONFIG --nodes N`
#   slurm/submit.sh [--dry-run] --smoke                                        the shipped sample
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/slurm/lib.sh"
load_site

prefix=()
if [ "${1:-}" = --dry-run ]; then
  prefix=(echo)
  shift
fi
case ${1:-} in
  --smoke)
    # shellcheck disable=SC2206 # options are words
    command=($smoke_options "$root/slurm/smoke.sbatch")
    ;;
  --calibrate)
    shift
    # shellcheck disable=SC2206
    command=($run_options --nodes=1 --time=00:10:00 "$root/slurm/datus.sbatch" plan "$@" --calibrate)
    ;;
  -* | "")
    sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
  *)
    # shellcheck disable=SC2206
    command=($run_options "$root/slurm/datus.sbatch" "$@")
    ;;
esac
if [ "${1:-}" != --smoke ] && [ ! -f "${1:-}" ]; then
  echo "submit.sh: there is no configuration ${1:-}" >&2
  exit 2
fi
exec "${prefix[@]}" sbatch "${command[@]}"
