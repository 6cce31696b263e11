# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Runs of the sample images for tools/gpu_check, which sources this: `datus`, `root`, `work`, `python` and the functions with_libraries,
# pass, fail and skip are there.

# sample_run NAME [--set …]: a run of six clusters in $work/NAME.
sample_run() {
  local name=$1
  shift
  if ! with_libraries "$datus" run "$root/configs/demo.yaml" --run "$work/$name" --set cluster.k=[6] "$@" >"$work/$name.log" 2>&1; then
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
  different=$(compare_files "$work/gpu1" "$work/gpu2")
  count=$(find "$work/gpu1" -name '*.h5' | wc -l)
  if [ -n "$different" ]; then
    fail "two runs on the GPU are equal" "these differ: $(echo "$different" | tr '\n' ' ')"
  else
    pass "two runs on the GPU are equal" "$count HDF5 files, masks and scores, by cmp"
  fi
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
