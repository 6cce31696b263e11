#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The daemon of a node is killed under a running job. Slurm requeues the job on what is left, where it goes on beside ranks that
# live on behind the dead daemon, and ends with the files of an undisturbed run.
. "$(dirname "$0")/job_lib.sh" "$@"
begin

node_is_idle() { [ "$(sinfo -h -n "$1" -p low -o %t)" = idle ]; }

# lose_node NAME NODE CONDITION
lose_node() {
  local name=$1 node=$2 condition=$3 orphans
  submit_run "$name"
  lab_wait 90 "$name: $condition" "$condition" "$(run_of "$name")" || complain "$name did not begin" "$work/$name.log"
  # The run must not end before Slurm has found the node dead, which takes a while.
  signal_ranks STOP "$job"
  mapfile -t orphans < <(ranks_of "$job")
  kill -KILL "$(cat "$lab/slurmd.$node.pid")"
  lab_wait 90 "$name is requeued" has_restarted "$job" 1 || complain "$name was not requeued" "$work/$name.log"
  # Slurm ends the ranks that it can reach; those of the lost node go on where they were.
  kill -CONT "${orphans[@]}" 2>/dev/null
  expect_end "$job" COMPLETED 180 "$work/$name.log"
  expect_equal "$(run_of "$name")"
  expect_text "$work/$name.log" "on 1 nodes, 2 ranks"
  lab_start_node "$node"
  lab_wait 60 "$node is back" node_is_idle "$node" || complain "$node is not back" "$lab/log/slurmctld.log"
}

lose_node extract n2 is_extracting
lose_node cluster n1 is_clustering
finish
