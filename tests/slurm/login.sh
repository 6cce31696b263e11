#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From login to result by docs/cluster.md alone: the lines of its first block as they stand there, but for the two that an editor is for, the
# build, which takes minutes, and the minute of the calibration.
. "$(dirname "$0")/job_lib.sh" "$@"
if ! command -v git >/dev/null || ! git -C "$root" rev-parse --git-dir >/dev/null 2>&1; then
  echo "SKIPPED: not a clone, or no git: nothing to clone here"
  exit 77
fi
begin
unset DATUS_SITE
export HOME=$work/home DATUS_CACHE=$work/cache
mkdir -p "$HOME" "$DATUS_CACHE/weights" origin

# What is cloned is the tree as it is now, uncommitted work included; weights of this name are there already, and are the sample's.
git -C "$root" ls-files -z --cached --others --exclude-standard | tar -C "$root" --null --ignore-failed-read -cf - -T - | tar -xf - -C origin
git -C origin init -q
git -C origin add -A
git -C origin -c user.name=user -c user.email=user@example.org commit -qm "The project"
ln -s origin URL
cp "$root/data/weights/demo_vit_tiny_patch16.safetensors" "$DATUS_CACHE/weights/dino_deitsmall8_pretrain.pth"
# A cluster has modules; this one has all libraries without them.
module() { [ "$1 $2" = "load gcc" ]; }

edit() {
  case $1 in
    slurm/site.sh)
      sed -i -e 's/SBATCH_PARTITION=.*/SBATCH_PARTITION=low/' -e 's/--nodes=[0-9]*-[0-9]*/--nodes=1-2/' \
        -e 's/--cpus-per-task=[0-9]*/--cpus-per-task=2/' -e 's/^  module load .*/  :/' "$1"
      ;;
    coco.yaml)
      # README, "Your own images"
      sed -n '/^# mine.yaml/,/^cluster:/p' README.md | sed -e "s|/data/reef|$root/data/suim8/images|" -e 's/dinov2-s14/dino-vits8/' >"$1"
      ;;
    *) complain "the page has a file to edit that this test does not know: $1" ;;
  esac
}

submitted=0
# The log of the job that the last line submitted, when it has ended.
await_job() {
  local job
  job=$(sed -n 's/^Submitted batch job //p' "$work/line.log")
  [ -n "$job" ] || return 0
  submitted=$((submitted + 1))
  expect_end "$job" COMPLETED 120 "$(ls datus-*"$job".log 2>/dev/null)"
}

while read -r line <&3; do
  line=${line%%  #*}
  line=${line%"${line##*[! ]}"}
  case $line in
    tools/demo) mkdir build && ln -s "$(dirname "$program")" build/release ;;
    "vi "*) edit "${line#vi }" ;;
    *--calibrate*) eval "$line --seconds 3" ;;
    "tail -f "*) eval "cat ${line#tail -f }" ;;
    *) eval "$line" ;;
  esac >"$work/line.log" 2>&1 || complain "docs/cluster.md: $line" "$work/line.log"
  case $line in
    "cat datus-smoke-"*) [ "$(tail -n 1 "$work/line.log" | grep -c 'done')" -eq 1 ] || complain "the smoke test's log does not end with done" "$work/line.log" ;;
    *" plan "*) expect_text "$work/line.log" "  total" ;;
  esac
  await_job
done 3< <(commands_in <"$root/docs/cluster.md")

[ "$submitted" -eq 3 ] || complain "$submitted jobs were submitted instead of a smoke test, a calibration and a run"
for k in 020 027; do
  [ "$(find runs/coco/masks/k$k -name '*.png' | wc -l)" -eq 8 ] || complain "there are not 8 masks of K = $k"
done
[ -f runs/coco/report/index.html ] || complain "there is no report"
finish
