#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A calibration as a job, and a plan made from it on the "login node": Slurm takes the sbatch lines that it prints.
. "$(dirname "$0")/job_lib.sh" "$@"
begin

job=$("$root/slurm/submit.sh" --calibrate "$shared/run.yaml" --seconds 3 | sed 's/.* //')
expect_end "$job" COMPLETED 120 "datus-$job.log"
[ -f runs/run.calibration.json ] || complain "there is no calibration" "datus-$job.log"
[ ! -e runs/run ] || complain "a calibration made a run directory"

"$program" plan "$shared/run.yaml" --nodes 2 --ranks-per-node 2 --cpus-per-rank 2 >plan.txt 2>&1 || complain "the plan" plan.txt
for stage in extract segment describe cluster mask evaluate report total; do expect_text plan.txt "  $stage"; done
# taken OPTIONS WHAT: whether Slurm would start a job with these options.
taken() {
  # shellcheck disable=SC2086 # options are words
  sbatch --test-only $1 --wrap true >taken.log 2>&1 || complain "Slurm does not take $2: $1" taken.log
}
options=$(sed -n 's|^ *sbatch \(.*\) slurm/datus.sbatch .*|\1|p' plan.txt)
[ -n "$options" ] || complain "the plan has no sbatch line" plan.txt
taken "$options" "the line of the whole run"
for stage in extract segment describe cluster mask; do
  options=$(sed -n "s|^ *${stage}_options=\"\(.*\)\"|\1|p" plan.txt)
  [ -n "$options" ] || complain "the plan has no ${stage}_options" plan.txt
  taken "$options" "${stage}_options"
done
finish
