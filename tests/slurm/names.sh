#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Names with blanks, quotes, line breaks and what a shell would run: folders of the project and of the run, a configuration, options
# of the site. They reach sbatch, srun and datus as they are, and nothing in them is run. Slurm's commands are stand-ins that
# write down their arguments; slurm.pipeline has a job with such names on a real one.
# shellcheck disable=SC2016 # stand-ins and names are not to be expanded here
set -uo pipefail
source_root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/datus-names.XXXXXX")
trap 'rm -rf "$work"' EXIT
failures=0
complain() {
  echo "FAILED: $1" >&2
  failures=$((failures + 1))
}
# expect_same WHAT FOUND WANTED
expect_same() { [ "$2" = "$3" ] || complain "$1 is $(printf %q "$2") instead of $(printf %q "$3")"; }

odd=$'it\'s a "dir" `touch HIT` $(touch HIT) *\n; touch HIT #'
root=$work/$odd/project
mkdir -p "$root" "$work/bin" "$work/$odd/elsewhere"
cp -r "$source_root/slurm" "$root/slurm"
config="$work/$odd/my \$(touch HIT) 'run'.yaml"
run=$'runs/a "b"\n$(touch HIT)'
images="dataset.images=$work/$odd/photos & more"
touch "$config"

# Each call of a stand-in is a line of quoted words in $work/calls.
stand_in() { printf '#!/usr/bin/env bash\nprintf "%%q " %s "$@" >>"%s/calls"; echo >>"%s/calls"\n%s\n' "$1" "$work" "$work" "$2" >"$work/bin/$1" && chmod +x "$work/bin/$1"; }
stand_in sbatch 'echo "4711;lab"'
stand_in scancel ''
stand_in datus ''
stand_in apptainer ''
# srun runs what follows its options, as on a node.
stand_in srun 'while [[ $1 == -* ]]; do shift; done; "$@"'
# Slurm tells of a job what it was given.
stand_in squeue 'case "$*" in *%o*) printf "%s\n" "$SCRIPT_OF_JOB" ;; *) echo "RUNNING None" ;; esac'
stand_in scontrol 'echo "JobId=1 JobName=x Command=/nowhere WorkDir=/"'
export PATH=$work/bin:$PATH
# calls_of NAME: as they were made, one a line; begin: forgets them.
calls_of() { grep "^$1 " "$work/calls" | sed 's/ $//'; }
begin() { : >"$work/calls"; }

# The site: one job's options with blanks and a pattern that has files.
export DATUS_SITE=$work/$odd/site.sh
cat >"$DATUS_SITE" <<'SITE'
run_options=(--comment "two words" --constraint="[a*b]")
extract_options="--nodes=2 --constraint=*"
datus_program=datus
most_requeues=0
SITE
cd "$work/$odd/elsewhere" || exit 1
touch -- "--constraint=file"
# CDPATH makes cd print where it went.
export CDPATH=.:$work/$odd

# What a dry run prints makes, in a shell, the calls that the script makes by itself.
# check_dry_run NAME CALLS SCRIPT ARGUMENTS...
check_dry_run() {
  local name=$1 calls=$2 script=$3 printed made pasted
  shift 3
  begin
  printed=$("$root/slurm/$script" --dry-run "$@") || complain "$name: the dry run failed"
  expect_same "$name: what a dry run calls" "$(calls_of sbatch)" ""
  "$root/slurm/$script" "$@" >/dev/null || complain "$name failed"
  made=$(calls_of sbatch)
  begin
  (eval "$printed") >/dev/null || complain "$name: what is printed is no command: $printed"
  pasted=$(calls_of sbatch)
  expect_same "$name: what is pasted" "$pasted" "$made"
  expect_same "$name: calls" "$(wc -l <<<"$pasted")" "$calls"
}
check_dry_run "a run" 1 submit.sh "$config" --run "$run" --set "$images"
expect_same "the job of a run" "$(calls_of sbatch)" \
  "$(printf '%q ' sbatch --comment "two words" '--constraint=[a*b]' "$root/slurm/datus.sbatch" "$config" --run "$run" --set "$images" | sed 's/ $//')"
check_dry_run "a calibration" 1 submit.sh --calibrate "$config" --seconds 3
check_dry_run "a smoke test" 1 submit.sh --smoke
check_dry_run "a chain" 5 pipeline.sh "$config" --run "$run"
expect_same "the first job of a chain" "$(calls_of sbatch | head -n 1)" \
  "$(printf '%q ' sbatch --parsable --job-name=datus-extract --nodes=2 '--constraint=*' --kill-on-invalid-dep=yes "$root/slurm/datus.sbatch" extract "$config" --run "$run" | sed 's/ $//')"
expect_same "jobs that wait for another" "$(calls_of sbatch | grep -c -- '--dependency=afterok:4711 ')" 4

# A site in the current folder, which `.` would look for on PATH.
printf 'run_options=--of-this-folder\n' >site.sh
printf 'run_options=--of-another\n' >"$work/bin/site.sh"
expect_same "a site without a folder" "$(DATUS_SITE=site.sh "$root/slurm/submit.sh" --dry-run a.yaml 2>&1 || true)" "submit.sh: there is no configuration a.yaml"
touch a.yaml
DATUS_SITE=site.sh "$root/slurm/submit.sh" --dry-run a.yaml | grep -q -- --of-this-folder || complain "a site was looked for on PATH"

# The job: Slurm runs a copy of the script, elsewhere, and knows its path followed by its arguments.
# job_script NAME ARGUMENTS...
job_script() {
  local copy=$work/slurm_script
  cp "$root/slurm/$1" "$copy"
  SCRIPT_OF_JOB="$root/slurm/$*" SLURM_JOB_ID=1 SLURM_JOB_NUM_NODES=1 SLURM_NTASKS=1 SLURM_JOB_NODELIST=n1 SLURM_SUBMIT_DIR=/ \
    bash "$copy" "${@:2}" >"$work/log $odd" 2>&1
}
begin
job_script datus.sbatch "$config" --run "$run" --set "$images" || complain "the job failed: $(cat "$work/log $odd")"
expect_same "what datus gets" "$(calls_of datus | tail -n 1)" "$(as_words=$(printf '%q ' datus run "$config" --run "$run" --set "$images") && echo "${as_words% }")"
grep -q ': done$' "$work/log $odd" || complain "the job does not say that it is done: $(cat "$work/log $odd")"
begin
job_script smoke.sbatch || complain "the smoke test failed: $(cat "$work/log $odd")"
calls_of datus | grep -qF -- "$(printf 'datus run %q --run runs/smoke-1' "$root/configs/demo.yaml")" || complain "the smoke test starts something else: $(cat "$work/calls")"
# The log of a job is found by itself: a rank that was killed is told from one that ended with an exit code.
stand_in srun 'case "$*" in *" run "*) echo "srun: error: n1: task 0: Exited with exit code 3"; exit 137 ;; esac; while [[ $1 == -* ]]; do shift; done; "$@"'
job_script datus.sbatch "$config"
expect_same "the exit code of a rank" "$?" 3
grep -q 'failed with exit code 3' "$work/log $odd" || complain "the job does not say the exit code: $(cat "$work/log $odd")"

found=$(find "$work" / -maxdepth 1 -name HIT; find "$work" -name HIT)
expect_same "what was run from a name" "$found" ""
[ "$failures" -eq 0 ] || exit 1
echo "all checks passed"
