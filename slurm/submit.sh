#!/usr/bin/env bash
# Submits a whole run as one job, with the options of the site. Usage:
#   slurm/submit.sh [--dry-run] CONFIG [options of datus]
#   slurm/submit.sh [--dry-run] --smoke
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/slurm/lib.sh"
load_site

prefix=()
if [ "${1:-}" = --dry-run ]; then
  prefix=(echo)
  shift
fi
if [ $# -eq 0 ]; then
  sed -n '2,4s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
# shellcheck disable=SC2086 # options are words
if [ "$1" = --smoke ]; then
  exec "${prefix[@]}" sbatch $smoke_options "$root/slurm/smoke.sbatch"
fi
[ -f "$1" ] || { echo "submit.sh: there is no configuration $1" >&2; exit 2; }
# shellcheck disable=SC2086
exec "${prefix[@]}" sbatch $run_options "$root/slurm/datus.sbatch" "$@"
