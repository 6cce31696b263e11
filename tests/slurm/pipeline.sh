#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Undisturbed jobs: the smoke test, a whole run, the chain of stages, an array; all end COMPLETED with the files of a plain mpirun.
. "$(dirname "$0")/job_lib.sh" "$@"
begin

smoke=$(sbatch --parsable --output="$work/smoke.log" "$root/slurm/smoke.sbatch")
expect_end "$smoke" COMPLETED 120 "$work/smoke.log"
mkdir demo
(cd demo && "$mpirun" -n 2 "$program" run "$root/configs/demo.yaml" --run "runs/smoke-$smoke") >demo.log 2>&1 ||
  complain "the sample under mpirun" demo.log
expect_equal "runs/smoke-$smoke" "demo/runs/smoke-$smoke"

# A dry run names the five jobs and submits none.
"$root/slurm/pipeline.sh" --dry-run "$shared/run.yaml" >"$work/dry.log" 2>&1 || complain "a dry run of the chain" "$work/dry.log"
[ "$(grep -c '^[a-z_]*=.(sbatch .*datus.sbatch' "$work/dry.log")" -eq 5 ] || complain "a dry run names not five jobs" "$work/dry.log"
[ "$(grep -c 'afterok:.{[a-z]*%%;\*}' "$work/dry.log")" -eq 4 ] || complain "four jobs must wait for another" "$work/dry.log"
[ "$(squeue -h -t all | wc -l)" -eq 1 ] || complain "a dry run submitted something"

mkdir chain whole
(cd chain && "$root/slurm/pipeline.sh" "$shared/run.yaml") >"$work/chain.log" 2>&1 || complain "submitting the chain" "$work/chain.log"
[ "$(cut -d' ' -f1 "$work/chain.log" | tr '\n' ' ')" = "extract segment describe cluster mask+evaluate+report " ] ||
  complain "the chain prints its jobs" "$work/chain.log"
while read -r stage job; do expect_end "$job" COMPLETED 120 "$work/chain/datus-$job.log"; done <"$work/chain.log"
expect_equal "$(run_of chain)"

# submit.sh, with the site's options.
[ "$("$root/slurm/submit.sh" --dry-run "$shared/run.yaml")" = "sbatch ${resources[*]} --time=15 $root/slurm/datus.sbatch $shared/run.yaml" ] ||
  complain "a dry run prints the command: $("$root/slurm/submit.sh" --dry-run "$shared/run.yaml")"
"$root/slurm/submit.sh" "$work/none.yaml" 2>none.log && complain "a missing configuration is not refused"
expect_text none.log "there is no configuration"
job=$(cd whole && "$root/slurm/submit.sh" "$shared/run.yaml" | sed 's/.* //')
expect_end "$job" COMPLETED 120 "$work/whole/datus-$job.log"
expect_equal "$(run_of whole)"

# A project, a run and a job with odd names; what a dry run prints is pasted into a shell. A signal at its end shows that the
# job knows its state and its log.
odd=$'it\'s a "dir" $(touch HIT)\n Command=none JobState=COMPLETED'
mkdir -p "$work/$odd"
cp -r "$root/slurm" "$work/$odd/slurm"
cp "$shared/run.yaml" "$work/$odd/the run.yaml"
printed=$(cd "$work/$odd" && slurm/submit.sh --dry-run "the run.yaml" --run "runs/$odd")
job=$(cd "$work/$odd" && SBATCH_JOB_NAME=$odd bash -c "$printed" | sed 's/.* //')
log=$work/$odd/datus-$job.log
lab_wait 60 "the job with odd names works" is_extracting "$work/$odd/runs/$odd" || complain "the job with odd names did not begin" "$log"
scancel --batch --signal=USR1 "$job"
expect_end "$job" COMPLETED 120 "$log"
expect_text "$log" "requeued (it was asked to stop, exit code 75)"
[ -z "$(find "$work" -name HIT)" ] || complain "something in a name was run"
"$program" inspect --verify "$work/$odd/runs/$odd" >odd.log 2>&1 || complain "the run with an odd name is not whole" odd.log
diff -r "$reference/masks" "$work/$odd/runs/$odd/masks" >odd.log || complain "the run with an odd name has other masks" odd.log

# An array: a data set for each task.
for k in 5 7; do
  sed "s|^run:.*|run: {directory: runs/k$k}|; s|^cluster:.*|cluster: {k: [$k]}|" "$shared/run.yaml" >"k$k.yaml"
done
array=$(sbatch --parsable --array=1-2 --output="$work/array-%a.log" --nodes=1 --ntasks-per-node=2 --time=15 \
  "$root/slurm/datus.sbatch" k5.yaml k7.yaml --set cluster.restarts=2)
# One task is asked to stop, as at the end of its time: it alone is requeued.
lab_wait 60 "the second task works" is_extracting runs/k7 || complain "the second task did not begin" array-2.log
scancel --batch --signal=USR1 "${array}_2"
for task in 1 2; do expect_end "${array}_$task" COMPLETED 120 "$work/array-$task.log"; done
expect_restarts "${array}_2" 1 array-2.log
[ "$(restarts_of "${array}_1")" -eq 0 ] || complain "the first task was requeued too" array-1.log
for k in 5 7; do [ -f "runs/k$k/clusters/k00$k/centroids.h5" ] || complain "the array has not made runs/k$k" array-*.log; done

finish
