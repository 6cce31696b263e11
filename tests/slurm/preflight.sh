#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The checks before a job's work: nothing to say of a good job; of each kind of bad one a line that names node and problem, an
# exit code, and no run directory.
. "$(dirname "$0")/job_lib.sh" "$@"

# n2 has a file system of its own at $work/local.
lab_start_node() {
  local own="hostname $1"
  if [ "$1" = n2 ]; then own+="; mount -t tmpfs -o size=100m none $work/local; printf 'of n2' >$work/local/weights.pth"; fi
  unshare --uts --mount bash -ec "$own; exec slurmd -N $1"
}
if ! unshare --uts --mount true 2>/dev/null; then
  echo "SKIPPED: nodes with files of their own need a namespace of mounts"
  exit 77
fi

# The folder is needed before the daemons start.
lab_configuration_of_slurm=$(declare -f lab_configuration)
eval "${lab_configuration_of_slurm/lab_configuration/configuration_without_folders}"
lab_configuration() {
  mkdir -p "$work/local"
  configuration_without_folders "$@"
}
begin
printf 'of n1' >local/weights.pth
mkdir tmp
export TMPDIR=$work/tmp

# preflight NAME [ARGUMENTS...]: in a job of two ranks on each of two nodes; sets `code`; its output is $work/NAME.log.
preflight() {
  local name=$1
  shift
  job=$(sbatch --parsable --output="$work/$name.log" --nodes=2 --ntasks-per-node=2 --time=15 \
    --wrap="\"$root/slurm/preflight.sh\" $*")
  lab_wait 60 "$name has ended" has_ended "$job" || true
  code=$(scontrol -o show job "$job" | sed -n 's/.* ExitCode=\([0-9]*\):.*/\1/p')
}

# expect_problems NAME CODE TEXT...: one line for each TEXT, which follows "preflight: ", and nothing else that begins so.
expect_problems() {
  local name=$1 text
  [ "$code" -eq "$2" ] || complain "$name ended with exit code $code instead of $2" "$work/$name.log"
  shift 2
  for text in "$@"; do
    [ "$(grep -cF "preflight: $text" "$work/$name.log")" -eq 1 ] || complain "$name: no line says '$text'" "$work/$name.log"
  done
  [ "$(grep -c '^preflight: ' "$work/$name.log")" -eq $# ] || complain "$name has other lines" "$work/$name.log"
}

# site LINES...: the site file of the next jobs.
site() { printf '%s\n' "datus_program=$program" "$@" >"$DATUS_SITE"; }

demo=$root/configs/demo.yaml
preflight good "$demo" --run runs/good
expect_problems good 0 "ok: 4 ranks on 2 nodes, "

preflight plain
expect_problems plain 0 "ok: 4 ranks on 2 nodes, "

# Files that are not the same, or not there.
preflight local_run "$demo" --run "$work/local/run"
expect_problems local_run 1 "n2: the run directory is not the folder that n1 has"
preflight weights "$demo" --run runs/a --set "model.weights=$work/local/weights.pth"
expect_problems weights 2 "n2: the weights are not the same as on n1"
preflight several "$demo" --run "$work/local/run" --set "model.weights=$work/nowhere.pth"
expect_problems several 3 "n1, n2: cannot read the weights file $work/nowhere.pth" "n2: the run directory is not the folder"
preflight configuration nowhere.yaml
expect_problems configuration 2 "n[1-2]: "
expect_text configuration.log "nowhere.yaml"

# What keeps the program from starting.
site mpi_type=pmi2
preflight pmi2 "$demo" --run runs/b
expect_problems pmi2 1 "n[1-2]: the ranks ended before datus could say anything: "
expect_text pmi2.log "--mpi=pmi2 of srun does not fit the MPI library"
expect_text pmi2.log "    | "
site mpi_type=none
preflight none "$demo" --run runs/c
expect_problems none 2 "n[1-2]: this process is alone, but its launcher started 4 tasks"
site mpi_type=bogus
preflight bogus "$demo" --run runs/d
expect_problems bogus 1 "n[1-2]: the ranks ended before datus could say anything: "
expect_text bogus.log "srun --mpi=list"

site "datus_program=$work/nowhere/datus"
preflight program "$demo"
expect_problems program 1 "n1: $work/nowhere/datus cannot be started" "n2: $work/nowhere/datus cannot be started"
sed 's/libhdf5_serial\.so\.[0-9]*/libhdf5_serial.so.xyz/g' "$program" >other && chmod +x other
site "datus_program=$work/other"
preflight library "$demo"
expect_problems library 1 "n1: libhdf5_serial.so.xyz is missing" "n2: libhdf5_serial.so.xyz is missing"
# A program of n2's own, with one byte more.
cp "$program" local/datus
job=$(sbatch --parsable --output="$work/copy.log" --nodelist=n2 --wrap="cp '$program' local/datus && printf x >>local/datus")
expect_end "$job" COMPLETED 20 copy.log
site "datus_program=$work/local/datus"
preflight builds "$demo" --run runs/e
expect_problems builds 2 "n2: the program is not the same as on n1"
printf '#!/bin/sh\nkill -SEGV $$\n' >crash && chmod +x crash
site "datus_program=$work/crash"
preflight crash "$demo"
expect_problems crash 1 "n[1-2]: warning: a rank crashed while MPI started" \
  "n[1-2]: the ranks ended before datus could say anything: a crash when MPI starts, twice"
# A crash that does not come again stops nothing: the first rank that starts crashes, later ones do not.
printf '#!/bin/sh\nmkdir "%s/once" 2>/dev/null && kill -SEGV $$\nexec "%s" "$@"\n' "$work" "$program" >once.sh && chmod +x once.sh
site "datus_program=$work/once.sh"
preflight crash_once "$demo" --run runs/f
expect_problems crash_once 0 "n[1-2]: warning: a rank crashed while MPI started" "ok: 4 ranks on 2 nodes, "
# Told to stop, not wrong.
printf '#!/bin/sh\nkill -TERM $$\n' >stopped && chmod +x stopped
site "datus_program=$work/stopped"
preflight stopped "$demo"
expect_problems stopped 75

# One node by itself: programs in containers, GPUs.
node() { SLURMD_NODENAME=n2 "$root/slurm/preflight.sh" --node "$@" >"$work/node.log" 2>&1 && code=0 || code=$?; }
expect_node() { cp node.log "node $1.log" && expect_problems "node $1" 0 "${@:2}"; }
mkdir bin
printf '#!/bin/sh\nshift\nexec "$@"\n' >bin/wrap
cat >bin/nvidia-smi <<'SCRIPT'
#!/bin/sh
case $GPUS in
  broken) echo "NVIDIA-SMI has failed because it could not communicate with the driver." && exit 9 ;;
esac
for i in $(seq 1 "$GPUS"); do echo "GPU $i: some"; done
SCRIPT
chmod +x bin/*
node 0 2 wrap image "$program"
expect_node unwrapped "n2: wrap is missing"
PATH=$work/bin:$PATH
node 0 2 wrap image "$program"
expect_node wrapped
node 0 2 wrap image "$work/other"
expect_node library "n2: libhdf5_serial.so.xyz is missing"
node 0 2 "$root/README.md"
expect_node text "n2: $root/README.md cannot be started"
for case in "4 0" "4 4" "8 4"; do
  export GPUS=${case#* }
  node 4 "${case% *}" "$program"
  if [ "${case% *}" -gt "$GPUS" ]; then expect_node gpus "n2: $GPUS GPUs for ${case% *} ranks"; else expect_node gpus; fi
done
GPUS=0 node 0 4 "$program"
expect_node "no gpus"
GPUS=broken node 4 4 "$program"
expect_node driver "n2: the NVIDIA driver does not answer (NVIDIA-SMI has failed"
rm bin/nvidia-smi
node 4 4 "$program"
expect_node "no driver" "n2: nvidia-smi is missing"

[ ! -e runs ] || complain "a check made a run directory"
[ "$(find local -type f | sort | tr '\n' ' ')" = "local/datus local/weights.pth " ] || complain "a check left files: $(ls -A local)"
[ -z "$(find tmp -name 'datus-preflight.*')" ] || complain "its temporary files are left"

finish
