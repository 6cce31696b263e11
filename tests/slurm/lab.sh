#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A two-node Slurm on this machine, of its own: daemons, ports, keys and state below one folder. Source it.
#   lab_start FOLDER; lab_stop
# Several run side by side: neither do they share ports, nor the numbers of jobs, by which Open MPI names what ranks of a node
# share in /tmp and /dev/shm, and by which the tests find the ranks of a job.
# Needs slurmctld, slurmd, munged and a user who may start them (root). Nothing under /etc or /run is read or written.

# Prints what is missing to run a Slurm here; nothing when all is there.
lab_missing() {
  local tool
  for tool in slurmctld slurmd munged sbatch srun; do
    PATH="$PATH:/usr/sbin" command -v "$tool" >/dev/null || { echo "$tool is not installed (Debian: slurm-wlm, munge)"; return; }
  done
  [ "$(id -u)" -eq 0 ] || echo "the daemons of the tests' own Slurm have to be started as root"
}

# Three TCP ports in a row that nobody answers on. Labs that start at the same moment look for them in different places.
lab_free_ports() {
  local port place=$$ answers
  while :; do
    answers=0
    for port in 0 1 2; do
      if (exec 3<>"/dev/tcp/127.0.0.1/$((20000 + place % 3000 * 4 + port))") 2>/dev/null; then answers=1; fi
    done
    [ "$answers" -eq 1 ] || break
    place=$((place + 1))
  done
  seq -s ' ' $((20000 + place % 3000 * 4)) $((20002 + place % 3000 * 4))
}

# What each node says that it has, and a test may set before it starts a Slurm: cores and GPUs.
lab_cpus=4 lab_gpus=4

# lab_configuration PORTS...: slurm.conf. With names of their own for the two daemons Open MPI needs no settings;
# where the kernel forbids that, both nodes have one host name, and MPI must be kept from shared memory between them.
lab_configuration() {
  local address
  address="NodeAddr=127.0.0.1"
  [ "$lab_own_names" -eq 1 ] || address+=" NodeHostname=$(hostname -s)"
  cat <<CONF
ClusterName=lab
FirstJobId=$((($1 - 20000) * 250 + 1))
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=$1
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$lab/munge/sock,cred_expire=8
StateSaveLocation=$lab/state
SlurmdSpoolDir=$lab/spool.%n
TmpFS=$lab/tmp.%n
SlurmctldPidFile=$lab/slurmctld.pid
SlurmdPidFile=$lab/slurmd.%n.pid
SlurmctldLogFile=$lab/log/slurmctld.log
SlurmdLogFile=$lab/log/slurmd.%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$lab/log/jobcomp.txt
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0,sched_min_interval=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
ReturnToService=2
SlurmctldTimeout=30
SlurmdTimeout=8
MessageTimeout=10
InactiveLimit=0
KillWait=10
MinJobAge=600
MailProg=/bin/true
GresTypes=gpu
NodeName=n1 $address Port=$2 CPUs=$lab_cpus RealMemory=16000 Gres=gpu:$lab_gpus State=UNKNOWN
NodeName=n2 $address Port=$3 CPUs=$lab_cpus RealMemory=16000 Gres=gpu:$lab_gpus State=UNKNOWN
PartitionName=low  Nodes=n1,n2 Default=YES PriorityTier=1 PreemptMode=REQUEUE GraceTime=0 MaxTime=INFINITE State=UP
PartitionName=grace Nodes=n1,n2 PriorityTier=1 PreemptMode=REQUEUE GraceTime=60 MaxTime=INFINITE State=UP
PartitionName=high Nodes=n1,n2 PriorityTier=10 PreemptMode=OFF MaxTime=INFINITE State=UP
CONF
}

lab_start() {
  lab=$1
  local ports gpu
  PATH=$PATH:/usr/sbin
  mkdir -p "$lab"/{state,log,munge,tmp.n1,tmp.n2,spool.n1,spool.n2}
  chmod 711 "$lab" "$lab/munge"
  (umask 077 && head -c 128 /dev/urandom >"$lab/munge/key")
  lab_own_names=0
  unshare --uts true 2>/dev/null && lab_own_names=1
  read -ra ports < <(lab_free_ports)
  lab_configuration "${ports[@]}" >"$lab/slurm.conf"
  # GPUs for Slurm to count: a device that every machine has, under many names.
  for ((gpu = 0; gpu < lab_gpus; gpu++)); do
    ln -s /dev/null "$lab/gpu$gpu"
    echo "Name=gpu File=$lab/gpu$gpu"
  done >"$lab/gres.conf"
  # A job of this Slurm must not take itself for a part of the job that the tests may run in.
  unset "${!SLURM_@}" "${!SBATCH_@}" "${!PMIX_@}"
  export SLURM_CONF=$lab/slurm.conf
  if [ "$lab_own_names" -eq 0 ]; then export OMPI_MCA_btl=tcp,self OMPI_MCA_btl_tcp_if_include=lo; fi
  munged --key-file="$lab/munge/key" --socket="$lab/munge/sock" --pid-file="$lab/munge/pid" \
    --log-file="$lab/log/munged.log" --seed-file="$lab/munge/seed" || return
  slurmctld -c
  lab_start_node n1
  lab_start_node n2
  lab_wait 30 "both nodes are idle" lab_nodes_are idle idle 2>"$lab/log/start.err" || { cat "$lab/log/start.err" >&2; return 1; }
}

# lab_start_node NAME
lab_start_node() {
  if [ "$lab_own_names" -eq 1 ]; then
    unshare --uts bash -c "hostname $1; exec slurmd -N $1"
  else
    slurmd -N "$1"
  fi
}

# lab_nodes_are STATE STATE: of n1 and n2.
lab_nodes_are() { [ "$(sinfo -h -N -p low -S N -o %t | tr '\n' ' ')" = "$1 $2 " ]; }

# lab_wait SECONDS WHAT COMMAND...: until the command succeeds. SECONDS are for a machine that does nothing else; compilers may
# run beside.
lab_patience=4
lab_wait() {
  local end=$((SECONDS + $1 * lab_patience)) what=$2
  shift 2
  until "$@"; do
    if [ "$SECONDS" -ge "$end" ]; then
      echo "waited in vain: $what" >&2
      return 1
    fi
    sleep 0.1
  done
}

lab_is_empty() { [ -z "$(squeue -h)" ]; }
lab_is_gone() { ! kill -0 "$1" 2>/dev/null; }

# Stops everything, jobs first: the processes that watch over steps outlive slurmd.
lab_stop() {
  local file process lab_patience=1
  scancel -u root 2>/dev/null || true
  lab_wait 20 "no job is left" lab_is_empty || true
  pkill -KILL -f "slurmstepd: .*$lab" 2>/dev/null || true
  for file in slurmd.n1.pid slurmd.n2.pid slurmctld.pid munge/pid; do
    process=$(cat "$lab/$file" 2>/dev/null) || continue
    kill "$process" 2>/dev/null || continue
    lab_wait 6 "$file has ended" lab_is_gone "$process" || kill -KILL "$process" || true
  done
}
