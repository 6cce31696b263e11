# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Runs of the sample images for tools/gpu_check, which sources this: `datus`, `root`, `work`, `python` and the functions with_libraries,
# pass, fail and skip are there.

# What has code of its own on a GPU: graphs of signs, crops, and both places for batches, several times.
on_gpu_settings=(--set preset=paper --set affinity.weights=sign --set affinity.center=image --set descriptor.kind=masked_crop
  --set dataset.shard_size=8 --set model.batch_size=2)

# sample_run NAME [--set …]: a run of six clusters in $work/NAME.
sample_run() {
  local name=$1
  shift
  if ! with_libraries "$datus" run "$root/configs/demo.yaml" --run "$work/$name" --set cluster.k=[6] "${on_gpu_settings[@]}" "$@" \
    >"$work/$name.log" 2>&1; then
    tail -n 20 "$work/$name.log"
    return 1
  fi
}

# compare_files ONE OTHER: prints the results of runs that differ. Logs, times and the settings' paths do differ.
compare_files() {
  local file
  (cd "$1" && find . -type f \( -name '*.h5' -o -path './masks/*' -o -path './scores/*' \) | sort) | while read -r file; do
    cmp -s "$1/$file" "$2/$file" || echo "$file"
  done
}

compare_runs() {
  local different count agreement precision
  local cpu=(--set model.device=cpu --set cluster.device=cpu) gpu=(--set model.device=cuda --set cluster.device=cuda)
  if ! sample_run cpu "${cpu[@]}"; then fail "datus run on the CPU"; return; fi
  if ! sample_run gpu1 "${gpu[@]}" || ! sample_run gpu2 "${gpu[@]}"; then fail "datus run on the GPU"; return; fi
  different=$(compare_files "$work/gpu1" "$work/gpu2" | tee "$work/different")
  count=$(find "$work/gpu1" -name '*.h5' | wc -l)
  if [ -n "$different" ]; then
    fail "two runs on the GPU are equal" "these differ: $(echo "$different" | tr '\n' ' ')"
  else
    pass "two runs on the GPU are equal" "$count HDF5 files, masks and scores, by cmp"
  fi
  compare_graphs "${gpu[@]}"
  compare_smoothing "${gpu[@]}"
  # From the same centroids, so that a cluster has the same number in both.
  for precision in float32 bfloat16; do
    if ! sample_run "$precision" "${gpu[@]}" --set model.precision=$precision --set cluster.restarts=1 --set cluster.init=file \
      --set "cluster.centroids=$work/cpu/clusters/k006/centroids.h5:/centroids"; then
      fail "datus run on the GPU in $precision"
      continue
    fi
    if agreement=$("$python" "$root/tools/mask_agreement.py" "$work/cpu/masks/k006" "$work/$precision/masks/k006" 2>&1); then
      pass "masks in $precision against those of the CPU" "$agreement"
    elif [[ "$agreement" == "cannot compare"* ]]; then
      skip "masks in $precision against those of the CPU" "$agreement"
    else
      fail "masks in $precision against those of the CPU" "$agreement"
    fi
  done
}

# compare_graphs SETTINGS…: the run of compare_runs with its batches as CUDA graphs.
compare_graphs() {
  local different name="a run with CUDA graphs equals one without"
  if ! sample_run graphs "$@" --set model.cuda_graphs=true; then fail "datus run with model.cuda_graphs"; return; fi
  different=$(compare_files "$work/gpu1" "$work/graphs")
  if [ -n "$different" ]; then
    fail "$name" "these differ: $(echo "$different" | tr '\n' ' ')"
  elif grep -q 'model.cuda_graphs: passes' "$work/graphs.log"; then
    fail "$name" "$(grep -m 1 'model.cuda_graphs: passes' "$work/graphs.log")"
  else
    pass "$name" "by cmp"
  fi
}

# compare_smoothing SETTINGS…: a run whose embeddings are smoothed on the GPU, and its descriptors and masks made again on the CPU.
compare_smoothing() {
  local stage different name="smoothing on the GPU equals that on the CPU"
  local smoothing=("$@" --set descriptor.kind=mean_key --set descriptor.smoothing=0.1 --set mask.labels=dense)
  if ! sample_run smooth1 "${smoothing[@]}"; then fail "datus run with descriptor.smoothing"; return; fi
  cp -r "$work/smooth1" "$work/smooth2"
  rm -r "$work/smooth2/descriptors" "$work/smooth2/masks"
  for stage in describe mask; do
    if ! with_libraries "$datus" $stage "$root/configs/demo.yaml" --run "$work/smooth2" --set cluster.k=[6] "${on_gpu_settings[@]}" \
      "${smoothing[@]}" --set model.device=cpu >"$work/smooth2.log" 2>&1; then
      tail -n 20 "$work/smooth2.log"
      fail "datus $stage on the CPU"
      return
    fi
  done
  different=$(compare_files "$work/smooth1" "$work/smooth2")
  if [ -n "$different" ]; then fail "$name" "these differ: $(echo "$different" | tr '\n' ' ')"; else pass "$name" "by cmp"; fi
}

# time_stages: a run of many copies of the sample on the GPU, in full batches, for the table at the end.
time_stages() {
  local copy photo gpu=(--set model.device=cuda --set cluster.device=cuda)
  mkdir -p "$work/images"
  for ((copy = 0; copy < 64; copy++)); do
    for photo in "$root"/data/suim8/images/*.jpg; do ln -s "$photo" "$work/images/$copy-$(basename "$photo")"; done
  done
  if ! sample_run timed "${gpu[@]}" --set "dataset.images=$work/images" --set dataset.kind=folder --set dataset.truth=null \
    --set dataset.shard_size=128 --set model.batch_size=32; then
    fail "a run of 512 images on the GPU"
    return
  fi
  pass "a run of 512 images on the GPU"
  bench_vit=$(find_program bench_gpu_vit) || return 0
  local measure=("$bench_vit" --weights "$root/data/weights/demo_vit_tiny_patch16.safetensors" --batch 32 --rounds 3)
  with_libraries "${measure[@]}" >"$work/forward.json" || true
  with_libraries "${measure[@]}" --cuda-graphs >"$work/graphs.json" || true
}

# stage_table: images per second of each stage of that run, which share of the model's alone that is, and whether the two small runs
# had the same files; what CUDA graphs make of the model that is fed.
stage_table() {
  [ -f "$work/timed/summary.json" ] || return 0
  "$python" - "$work/timed/summary.json" "$work/forward.json" "$work/different" "$work/graphs.json" <<'TABLE' || true
import json, os, sys
folders = {"extract": "keys", "segment": "segments", "describe": "descriptors", "cluster": "clusters", "mask": "masks", "evaluate": "scores"}
def measured(path, what):
    lines = [json.loads(line) for line in open(path) if line.startswith("{")] if os.path.exists(path) else []
    return next((line["images_per_second"] for line in lines if line["what"] == what), None)
forward = measured(sys.argv[2], "forward alone, keys")
different = open(sys.argv[3]).read().split() if os.path.exists(sys.argv[3]) else None
def sameness(stage):
    if different is None or stage not in folders:
        return "-"
    return "FAILED" if any(file.startswith(f"./{folders[stage]}/") for file in different) else "passed"
print(f"{'stage':10} {'images/s':>10} {'share':>8}  twice the same", f"(share of the model alone: {forward:,.0f} images/s)" if forward else "")
summary = json.load(open(sys.argv[1]))
for stage, work in summary["stages"].items():
    rate = work.get("images_per_second")
    share = f"{rate / forward:.1%}" if rate and forward else "-"
    print(f"{stage:10} {f'{rate:,.0f}' if rate else '-':>10} {share:>8}  {sameness(stage)}")
print(f"{'run':10} {summary['images'] / summary['seconds']:>10,.0f}  from its start to its end, loading the model included")
plain, graphs = (measured(path, "images, keys") for path in (sys.argv[2], sys.argv[4]))
if plain and graphs:
    print(f"the model fed with batches of 32: {plain:,.0f} images/s, as CUDA graphs {graphs:,.0f} ({graphs / plain:.2f} times)")
TABLE
}

compare_clusters() {
  local device
  for device in cpu cuda; do
    if ! with_libraries "$datus" cluster --descriptors "$work/cpu/descriptors" --k 6,10 --out "$work/$device.h5" \
      --set cluster.device=$device --set cluster.restarts=3 >"$work/$device.log" 2>&1; then
      tail -n 20 "$work/$device.log"
      fail "datus cluster with cluster.device: $device"
      return
    fi
  done
  if cmp "$work/cpu.h5" "$work/cuda.h5"; then
    pass "datus cluster on CPU and GPU are equal" "by cmp"
  else
    fail "datus cluster on CPU and GPU are equal"
  fi
}
