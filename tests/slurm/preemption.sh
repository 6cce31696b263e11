#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A job of higher priority takes the nodes away, mid-extract and mid-cluster, with and without a grace time. The job is requeued,
# goes on, and ends with the files of an undisturbed run.
. "$(dirname "$0")/job_lib.sh" "$@"
begin

# preempt NAME PARTITION CONDITION: submits a run, and takes its nodes for two seconds once the condition holds.
preempt() {
  local name=$1 partition=$2 condition=$3 urgent done_before
  submit_run "$name" --partition="$partition"
  lab_wait 90 "$name: $condition" "$condition" "$(run_of "$name")" || complain "$name did not begin" "$work/$name.log"
  done_before=$(shards_of "$(run_of "$name")")
  urgent=$(sbatch --parsable --partition=high --nodes=2 --exclusive --output=/dev/null --wrap "sleep 2")
  expect_end "$urgent" COMPLETED 60 "$work/$name.log"
  expect_end "$job" COMPLETED 120 "$work/$name.log"
  expect_restarts "$job" 1 "$work/$name.log"
  expect_equal "$(run_of "$name")"
  echo "$name: $done_before shards before the preemption"
}

preempt extract-at-once low is_extracting
preempt cluster-at-once low is_clustering
preempt extract-with-grace grace is_extracting
preempt cluster-with-grace grace is_clustering
finish
