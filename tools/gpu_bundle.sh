# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The bundle of tools/gpu_check, which sources this: find_program, test_programs and bench_programs are there.

# Comes with the driver, CUDA, LibTorch or the C library and compiler of the other machine, as newer ones do no harm.
left_to_the_machine() {
  case "$1" in
    */torch/lib/*|*/nvidia/*|*/cuda*/*) return 0 ;;
  esac
  case "$(basename "$1")" in
    libc10*|libtorch*|libshm*|libgomp-*|libcaffe2*|libcuda*|libcudnn*|libcublas*|libcufft*|libcufile*|libcurand*|libcusolver*) return 0 ;;
    libcusparse*|libcupti*|libnv*|libnccl*) return 0 ;;
    ld-linux*|libc.so*|libm.so*|libdl.so*|librt.so*|libpthread.so*|libresolv.so*|libutil.so*|libmvec.so*) return 0 ;;
    libstdc++.so*|libgcc_s.so*) return 0 ;;
  esac
  return 1
}

# make_bundle FOLDER: programs there, libraries in lib.
make_bundle() {
  local target=$1 name program library missing size
  mkdir -p "$target/lib"
  for name in datus libdatus_transformer.so $(test_programs) $(bench_programs); do
    program=$(find_program "$name") || { echo "$name is not built and left out of the bundle." >&2; continue; }
    strip -o "$target/$name" "$program"
    missing=$(ldd "$program" | sed -n 's/^[[:space:]]*\(.*\) => not found/\1/p' | tr '\n' ' ')
    if [ -n "$missing" ]; then echo "$name needs libraries that are not found here: $missing" >&2; fi
    ldd "$program" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p'
  done | sort -u | while read -r library; do
    if ! left_to_the_machine "$library"; then
      strip --strip-unneeded -o "$target/lib/$(basename "$library")" "$library" 2>/dev/null || cp "$library" "$target/lib/"
    fi
  done
  size=$(du -sm "$target" | cut -f1)
  echo "$target: $(find "$target" -maxdepth 1 -type f | wc -l) programs and $(find "$target/lib" -type f | wc -l) libraries, $size MiB"
  if [ "$size" -gt 60 ]; then echo "That is more than the 60 MiB that were aimed at." >&2; fi
}
