#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How a batch job ends: signals, requeues, exit codes. Source it after lib.sh, with `job` set to what Slurm calls it.
#
#   what happens                         who is told               what the job does
#   the end of the time is near          this shell, by USR1       passes it on; ranks save, exit 75; requeue
#   the time is over                     everybody, by TERM        requeue (Slurm would not)
#   preemption without a grace time      everybody, by TERM        Slurm requeues, whatever the exit code
#   preemption with a grace time         the ranks only, by TERM   ranks exit 75; requeue (Slurm would call it FAILED)
#   scancel                              everybody, by TERM        stays cancelled
#   a node is lost                       ranks elsewhere, by TERM  Slurm requeues
#   a rank is killed (memory, hardware)  nobody                    requeue, a few times

# Requeues after a killed rank; a job that needs more memory than it has would be killed for ever.
most_requeues_after_kills=2

time_is_near=0
step=""

# A rank that was starting when the signal came has not seen it: it is sent once more after this many seconds.
repeat_after=45

pass_on_stop() {
  time_is_near=1
  say "the time of the job is nearly over (signal USR1): asking the ranks to save and stop"
  if [ -n "$step" ]; then
    kill -USR1 "$step" 2>/dev/null
    (sleep "$repeat_after" && kill -USR1 "$step") 2>/dev/null &
  fi
}

# run_step COMMAND...: runs it in the background, as this shell would see no signal before a foreground command ends, and
# returns its exit code.
run_step() {
  "$@" &
  step=$!
  local code=0
  while :; do
    code=0
    wait "$step" || code=$?
    # A signal to this shell ends `wait`, not the step.
    kill -0 "$step" 2>/dev/null || break
  done
  # The true code, also when a signal came just before the end.
  code=0
  wait "$step" || code=$?
  step=""
  return "$code"
}

# state_of_job: "RUNNING None", "COMPLETING TimeLimit", ...; empty while the controller does not answer. Of these two words alone:
# names and paths, which anybody may choose, could look like others.
state_of_job() { squeue -h -t all -j "$job" -o '%T %r' 2>/dev/null; }

# wait_for_state: the same, however long the controller takes to come back, within a minute.
wait_for_state() {
  local attempt state
  for attempt in 1 2 3 4 5 6 7 8 9 10 11 12; do
    state=$(state_of_job)
    if [ -n "$state" ]; then
      echo "$state"
      return
    fi
    if [ "$attempt" -lt 12 ]; then sleep 5; fi
  done
}

# The log of the job: where this shell writes to, whatever its name.
log_of_job=/proc/$$/fd/1

# requeue WHY: does not return.
requeue() {
  local restarts=${SLURM_RESTART_COUNT:-0}
  if [ "$restarts" -ge "$most_requeues" ]; then
    say "not requeued again: it was started $((restarts + 1)) times (most_requeues=$most_requeues). Submit it again: it goes on from here."
    exit 75
  fi
  say "requeued ($1), start $((restarts + 1)) of at most $((most_requeues + 1)) ends here"
  if ! scontrol requeue "$job"; then
    say "Slurm does not requeue it. Submit it again: it goes on from here."
    exit 75
  fi
  # Slurm ends this shell, first with a TERM that says nothing new.
  trap '' TERM
  sleep 300
  exit 75
}

killed_before() {
  if [ -f "$log_of_job" ]; then grep -c 'requeued (a rank was killed' "$log_of_job" || true; else echo 0; fi
}

# code_in_log: the exit code that a rank of this start left with by itself, by what srun says of it; nothing where none did. srun's
# own code is the highest of all ranks: a rank that is ended because another one failed hides why that one did.
code_in_log() {
  if [ -f "$log_of_job" ]; then
    awk '/ datus.sbatch: job [0-9_]+, start / {code = ""} /^srun: error: .* Exited with exit code [0-9]+$/ {code = $NF} END {print code}' "$log_of_job"
  fi
}

# end_of_step CODE: returns when the job goes on with its next step, otherwise ends or requeues it.
end_of_step() {
  local code=$1 state said
  case $code in
    0) return ;;
    4)
      has_unreadable=1
      return
      ;;
  esac
  state=$(wait_for_state)
  case $state in
    "RUNNING "*)
      if [ "$code" -eq 75 ] || [ "$time_is_near" -eq 1 ]; then requeue "it was asked to stop, exit code $code"; fi
      if [ "$code" -gt 128 ]; then
        said=$(code_in_log)
        code=${said:-$code}
        if [ "$code" -eq 75 ]; then requeue "it was asked to stop, exit code $code"; fi
      fi
      if [ "$code" -gt 128 ] && [ "$(killed_before)" -lt "$most_requeues_after_kills" ]; then
        requeue "a rank was killed, exit code $code"
      fi
      say "failed with exit code $code"
      ;;
    *" TimeLimit") requeue "its time is over, exit code $code" ;;
    "") say "the Slurm controller does not answer. Submit it again: it goes on from here." ;;
    *) say "ended by Slurm ($state), exit code $code; a job that was cancelled goes on when it is submitted again" ;;
  esac
  exit "$code"
}
