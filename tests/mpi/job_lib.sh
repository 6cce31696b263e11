# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by the scripts that start tests/mpi/job_fixture.cpp: `. job_lib.sh FIXTURE MPIRUN`.
fixture=$1
mpirun=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
# A job that hangs is a failure that this makes visible.
longest_seconds=10

# What a surrounding job says about itself must not reach the jobs of the tests.
unset SLURM_STEP_NUM_TASKS SLURM_NTASKS OMPI_COMM_WORLD_SIZE PMIX_RANK PMI_RANK PMI_SIZE PMI_FD

# start NAME COMMAND...: runs it, with its exit code in $code and its output in $work/out and $work/err.
start() {
  name=$1
  shift
  code=0
  timeout --kill-after=2 "$longest_seconds" "$@" >"$work/out" 2>"$work/err" || code=$?
}
# ranks N ENDING RANK: the fixture on N ranks.
ranks() { start "$*" "$mpirun" -n "$1" --oversubscribe "$fixture" "$2" "$3"; }

complain() {
  echo "FAILED: $name: $1" >&2
  sed 's/^/  stdout: /' "$work/out" >&2
  sed 's/^/  stderr: /' "$work/err" >&2
  failures=$((failures + 1))
}
expect_code() { [ "$code" -eq "$1" ] || complain "exit code $code instead of $1 (124 means that it hung)"; }
expect_out() { [ "$(cat "$work/out")" = "$1" ] || complain "stdout is not '$1'"; }
# expect_error COUNT TEXT: that many lines of stderr contain the text.
expect_error() {
  local found
  found=$(grep -cF -- "$2" "$work/err") || true
  [ "$found" -eq "$1" ] || complain "$found lines instead of $1 contain '$2'"
}
finish() {
  [ "$failures" -eq 0 ] || { echo "$failures checks failed" >&2; exit 1; }
  echo "all checks passed"
}
