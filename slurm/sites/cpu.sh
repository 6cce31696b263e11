#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A cluster of CPU nodes, here with 2 × 32 cores each. Copy it to slurm/site.sh (or name it in DATUS_SITE) and adapt it.

# Who pays, and where: sbatch itself reads these.
export SBATCH_ACCOUNT=my_account
export SBATCH_PARTITION=cpu
#export SBATCH_QOS=normal

# The libraries that datus was built with, on login and compute nodes.
load_libraries() {
  module load gcc openmpi hdf5
  # with Spack:  . /opt/spack/share/spack/setup-env.sh && spack env activate datus
}

# Options of sbatch. Whole nodes, and on each one rank for every --cpus-per-task cores: 8 ranks on 64 cores here. A job with
# --nodes=2-8 starts with what is free, and goes on with what is left after a node is lost; with --ntasks-per-node Slurm would
# wait for as many nodes as before. --time: less than the partition allows starts earlier; a job that needs more is requeued and goes on.
smoke_options="--cpus-per-task=4"
run_options="--nodes=2-8 --exclusive --cpus-per-task=8 --time=12:00:00"
extract_options="--nodes=2-8 --exclusive --cpus-per-task=8 --time=12:00:00"
segment_options="--nodes=1-4 --exclusive --cpus-per-task=4 --time=02:00:00"
describe_options="$extract_options"
cluster_options="--nodes=1-2 --exclusive --cpus-per-task=16 --time=02:00:00"
mask_options="--nodes=1-2 --exclusive --cpus-per-task=4 --time=02:00:00"

# The program; or a container image that has it, and options of `apptainer exec`.
datus_program=$root/build/release/datus
container=""
container_options="--bind /scratch"

# How srun starts MPI (`srun --mpi=list`), and how often a job may be requeued.
mpi_type=pmix
most_requeues=20
