#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# scancel: the job ends and stays ended; what is finished is kept, and the next job goes on with it.
. "$(dirname "$0")/job_lib.sh" "$@"
begin

# cancel NAME CONDITION
cancel() {
  local name=$1 condition=$2 kept
  submit_run "$name"
  lab_wait 90 "$name: $condition" "$condition" "$(run_of "$name")" || complain "$name did not begin" "$work/$name.log"
  scancel "$job"
  expect_end "$job" CANCELLED 60 "$work/$name.log"
  # Longer than Slurm waits before it starts a requeued job again.
  sleep 11
  is_in_state "$job" CANCELLED || complain "$name did not stay cancelled" "$work/$name.log"
  expect_text "$work/$name.log" "ended by Slurm"
  kept=$(cd "$(run_of "$name")/keys" && sha256sum 0*.h5)
  submit_run "$name"
  expect_end "$job" COMPLETED 120 "$work/$name.log"
  (cd "$(run_of "$name")/keys" && sha256sum --quiet --check - <<<"$kept") || complain "$name: finished shards have changed"
  expect_equal "$(run_of "$name")"
}

cancel extract is_extracting
cancel cluster is_clustering
finish
