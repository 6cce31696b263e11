#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What happens between the jobs of a chain: images that cannot be read do not end it, a failed job cancels those after it, and
# a preempted job keeps them waiting.
. "$(dirname "$0")/job_lib.sh" "$@"
begin

# A small run of its own, with a photo that is none.
mkdir -p broken/images
cp "$root"/data/suim8/images/d*.jpg broken/images/
head -c 3000 broken/images/d_r_47_.jpg >broken/images/cut_off.jpg
sed "s|^dataset:.*|dataset: {kind: folder, images: $work/broken/images, shard_size: 1}|; s|^cluster:.*|cluster: {k: [5]}|" \
  "$shared/run.yaml" >broken.yaml

# start_chain NAME CONFIG OPTIONS...: sets `stages` and `jobs`.
start_chain() {
  local name=$1
  shift
  mkdir "$name"
  (cd "$name" && "$root/slurm/pipeline.sh" "$@") >"$name.chain" 2>&1 || complain "submitting $name" "$name.chain"
  mapfile -t jobs < <(cut -d' ' -f2 "$name.chain")
}

start_chain unreadable "$work/broken.yaml"
for job in "${jobs[@]}"; do expect_end "$job" COMPLETED 90 "unreadable/datus-$job.log"; done
expect_text "unreadable/datus-${jobs[-1]}.log" "some images could not be read"
expect_text unreadable/runs/run/unreadable.tsv cut_off.jpg
expect_text unreadable/runs/run/summary.json '"exit_code": 4'
for stage in extract segment describe cluster mask evaluate report; do expect_text unreadable/runs/run/summary.json "\"$stage\": {"; done

start_chain failing "$work/broken.yaml" --set model.weights=none.pth
expect_end "${jobs[0]}" FAILED 90 "failing/datus-${jobs[0]}.log"
for job in "${jobs[@]:1}"; do expect_end "$job" CANCELLED 30 "failing/datus-${jobs[0]}.log"; done

start_chain preempted "$shared/run.yaml"
lab_wait 90 "the chain extracts" is_extracting "$(run_of preempted)" || complain "the chain did not begin" "preempted/datus-${jobs[0]}.log"
sbatch --parsable --partition=high --nodes=2 --exclusive --output=/dev/null --wrap "sleep 1" >/dev/null
for job in "${jobs[@]}"; do expect_end "$job" COMPLETED 120 "preempted/datus-$job.log"; done
expect_restarts "${jobs[0]}" 1 "preempted/datus-${jobs[0]}.log"
expect_equal "$(run_of preempted)"

# A job that Slurm refuses cancels those of its chain that it took.
sed '$a cluster_options="--partition=none"' "$DATUS_SITE" >refusing.sh
DATUS_SITE=$work/refusing.sh "$root/slurm/pipeline.sh" "$work/broken.yaml" >refusing.chain 2>&1 && complain "a refused job is not an error" refusing.chain
expect_text refusing.chain "cancelling those before it"
lab_wait 30 "nothing is left of the refused chain" lab_is_empty || complain "jobs of the refused chain are left" refusing.chain
finish
