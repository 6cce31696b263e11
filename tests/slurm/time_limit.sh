#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The time of a job ends before its run does: Slurm sends USR1 to the batch shell, the ranks save and leave with exit code 75, the job
# requeues itself and goes on. A job whose ranks do not leave in time is requeued all the same; one that was requeued often
# enough is not.
. "$(dirname "$0")/job_lib.sh" "$@"
begin

# Limits are whole minutes: ranks are stopped in the middle of their work until the signal has come.
near='the time of the job is nearly over (signal USR1)'

# hold NAME CONDITION OPTIONS...: submits a run with a limit of two minutes, and stops its ranks once the condition holds.
hold() {
  local name=$1 condition=$2
  shift 2
  submit_run "$name" --nodes=1 --exclusive=user --ntasks-per-node=2 --cpus-per-task=1 --time=2 --signal=B:USR1@20 "$@"
  lab_wait 60 "$name: $condition" "$condition" "$(run_of "$name")" || complain "$name did not begin" "$work/$name.log"
  signal_ranks STOP "$job"
}

hold extract is_extracting
extract=$job
hold cluster is_clustering
cluster=$job
hold overdue is_extracting
overdue=$job
most=$work/site_most.sh
sed '$a most_requeues=0' "$DATUS_SITE" >"$most"
DATUS_SITE=$most hold enough is_extracting
enough=$job

for name in extract cluster enough; do
  lab_wait 100 "$name is told that its time ends" has_line "$work/$name.log" "$near" || complain "no signal USR1" "$work/$name.log"
  signal_ranks CONT "${!name}"
done

for name in extract cluster; do
  expect_end "${!name}" COMPLETED 120 "$work/$name.log"
  expect_restarts "${!name}" 1 "$work/$name.log"
  expect_text "$work/$name.log" "requeued (it was asked to stop, exit code 75)"
  expect_equal "$(run_of "$name")"
done

expect_end "$enough" FAILED 60 "$work/enough.log"
expect_text "$work/enough.log" "not requeued again"

lab_wait 150 "overdue is requeued" has_restarted "$overdue" 1 || complain "an overdue job was not requeued" "$work/overdue.log"
expect_text "$work/overdue.log" "requeued (its time is over"
expect_end "$overdue" COMPLETED 120 "$work/overdue.log"
expect_equal "$(run_of overdue)"
finish
