#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A sweep as an array, by the lines of docs/sweeps.md, of its own example with small images: its tasks share nothing but the folder, and the last writes
# the leaderboard.
. "$(dirname "$0")/job_lib.sh" "$@"
begin
PATH=$(dirname "$program"):$PATH
page=$root/docs/sweeps.md

weights=$root/data/weights/demo_vit_tiny_patch16.safetensors
cat >mine.yaml <<CONFIG
preset: best
model: {input_size: 112}
cluster: {k: 6}
CONFIG
cp "$weights" other.safetensors
cp -r "$root/data/suim8" again
sed -n '/^# backbones.yaml/,/^directory:/p' "$page" | sed -e "s|weights: .*|weights: [$weights, other.safetensors]|" \
  -e "s|suim: .*|suim: {kind: suim, images: $root/data/suim8}|" -e "s|camvid: .*|again: {kind: suim, images: again}|" \
  -e 's|\[\[11, 20\]\]|[[6, 8]]|' >backbones.yaml
mapfile -t lines < <(sed -n '/^## On a cluster/,$p' "$page" | commands_in)
[ ${#lines[@]} -eq 2 ] || complain "docs/sweeps.md has ${#lines[@]} lines of commands for a cluster instead of two"

found=$(eval "${lines[0]%%  #*}")
[ "${lines[0]##*# }" = "$found" ] || complain "docs/sweeps.md says ${lines[0]##*#}, the program: $found"
job=$(eval "${lines[1]}" | sed 's/.* //')
tasks=$(sed -n 's/.*--array=\([^ ]*\) .*/\1/p' <<<"${lines[1]}")
for task in $(seq -s ' ' "${tasks%-*}" "${tasks#*-}"); do expect_end "${job}_$task" COMPLETED 120 "slurm-${job}_$task.out"; done

[ "$(find runs/backbones -mindepth 2 -maxdepth 2 -name state.json | wc -l)" -eq 24 ] || complain "there are not 24 runs" slurm-*.out
[ "$(grep -L '"done"' runs/backbones/*/state.json | wc -l)" -eq 0 ] || complain "some runs are not done" slurm-*.out
# The same table as one process writes that finds nothing left to do.
cp runs/backbones/leaderboard.csv of_the_array.csv || complain "no task wrote the leaderboard" slurm-*.out
"$mpirun" -n 4 datus sweep backbones.yaml >sweep.log 2>&1 || complain "the sweep once more" sweep.log
cmp of_the_array.csv runs/backbones/leaderboard.csv || complain "the leaderboard of the array differs"
finish
