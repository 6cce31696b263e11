#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the build into a folder, moves that, and uses it as people do: the program, its manual and completions, the sample, the
# Slurm scripts, and find_package(datus) from a project of somebody else.
# Usage: install.sh BUILD_FOLDER SOURCE_FOLDER
set -euo pipefail
build=$1 source=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMP_NUM_THREADS=1

fail() { echo "FAILED: $*" >&2; exit 1; }
# has FILE TEXT
has() { grep -qF -- "$2" "$1" || { cat "$1" >&2; fail "$1 does not hold: $2"; }; }

cmake --install "$build" --prefix "$scratch/made" >"$scratch/install.txt"
mv "$scratch/made" "$scratch/moved"
prefix=$scratch/moved
version=$(sed -n 's/^project(datus VERSION \([0-9.]*\) .*/\1/p' "$source/CMakeLists.txt")

echo "== the program, from any folder, with the library of its model"
cd "$scratch"
PATH=$prefix/bin:$PATH
[ "$(datus --version)" = "datus $version" ] || fail "datus --version: $(datus --version)"
datus version >version.txt
has version.txt "LibTorch "
datus inspect "$prefix/share/datus/data/weights/demo_vit_tiny_patch16.safetensors" >inspect.txt
datus config "$prefix/share/datus/configs/demo.yaml" >config.txt
has config.txt "$prefix/share/datus/data/suim8"

echo "== manual"
datus manual >pages.txt
while read -r page; do
  file=$prefix/share/man/man1/$page.1
  [ -s "$file" ] || fail "no manual page $page"
  for title in NAME SYNOPSIS OPTIONS; do has "$file" ".SH $title"; done
  if command -v groff >/dev/null; then
    groff -man -Tutf8 -ww "$file" 2>warnings.txt >/dev/null
    [ ! -s warnings.txt ] || fail "$page: $(cat warnings.txt)"
  fi
done <pages.txt
has "$prefix/share/man/man1/datus-run.1" '\-\-dry\-run'

echo "== completions"
complete_words() { # WORDS...: what bash offers for the last one
  bash -c 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _datus; printf "%s\n" "${COMPREPLY[@]}"' \
    - "$prefix/share/bash-completion/completions/datus" "$@"
}
[ "$(complete_words datus ext)" = extract ] || fail "datus ext<TAB>: $(complete_words datus ext)"
[ "$(complete_words datus run --dry)" = --dry-run ] || fail "datus run --dry<TAB>"
[ "$(complete_words datus export --images l)" = link ] || fail "datus export --images l<TAB>"
for shell in zsh fish; do
  command -v "$shell" >/dev/null || { echo "no $shell here: its completion is not tried"; continue; }
  case $shell in
    zsh) zsh -n "$prefix/share/zsh/vendor-completions/_datus" ;;
    fish) fish --no-execute "$prefix/share/fish/vendor_completions.d/datus.fish" ;;
  esac
done

echo "== what lies beside"
for file in share/doc/datus/LICENSE share/doc/datus/docs/files.md share/datus/slurm/submit.sh share/datus/configs/protocols/suim.json; do
  [ -s "$prefix/$file" ] || fail "no $file"
done

echo "== a project that links it"
cmake -S "$source/tests/install/consumer" -B consumer -G Ninja -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release >consumer.txt 2>&1 ||
  { cat consumer.txt >&2; fail "find_package(datus)"; }
cmake --build consumer >consumer.txt 2>&1 || { cat consumer.txt >&2; fail "the project does not build"; }
./consumer/consumer >answer.txt
has answer.txt "$version paper 000111 "
has answer.txt "LibTorch "
echo "installed tree: ok"
