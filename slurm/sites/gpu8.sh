#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A cluster with 8 GPUs and 96 cores in each GPU node, and CPU nodes beside them. Copy it to slurm/site.sh (or name it in
# DATUS_SITE) and adapt it.

# Who pays, and where: sbatch itself reads these. What has little use for a GPU goes to another partition below: with preset best
# descriptors and masks, of which smoothing alone would run there. Descriptors that the model makes (preset paper) have one: give "$extract_options" to describe there. With
# affinity.weights: value or affinity.quantile segments have none, with cluster.device: cpu clusters.
export SBATCH_ACCOUNT=my_account
export SBATCH_PARTITION=gpu

# The libraries that datus was built with, on login and compute nodes.
load_libraries() {
  module load gcc cuda openmpi hdf5
  # with Spack:  . /opt/spack/share/spack/setup-env.sh && spack env activate datus
}

# Options of sbatch. Whole nodes: on those with GPUs one rank per GPU, which chooses its own among those of its node, elsewhere one
# rank for every --cpus-per-task cores. A job with --nodes=1-8 starts with what is free, and goes on with what is left after a
# node is lost; with --ntasks-per-node Slurm would wait for as many nodes as before.
smoke_options="--gpus-per-node=2 --cpus-per-task=12"
run_options="--nodes=1-8 --exclusive --gpus-per-node=8 --cpus-per-task=12 --time=08:00:00"
extract_options="--nodes=1-8 --exclusive --gpus-per-node=8 --cpus-per-task=12 --time=04:00:00"
segment_options="--nodes=1-4 --exclusive --gpus-per-node=8 --cpus-per-task=12 --time=01:00:00"
describe_options="--partition=cpu --nodes=1-8 --exclusive --cpus-per-task=4 --time=02:00:00"
cluster_options="--nodes=1 --exclusive --gpus-per-node=8 --cpus-per-task=12 --time=02:00:00"
mask_options="--partition=cpu --nodes=1-4 --exclusive --cpus-per-task=4 --time=02:00:00"

# The program, of the build with CUDA (docs/gpu.md), which serves nodes without GPUs too; or a container image that has it
# (slurm/datus-cuda.def), and options of `apptainer exec` (--nv: the driver's libraries).
datus_program=$root/build/cuda/datus
container=""
container_options="--nv --bind /scratch"

# How srun starts MPI (`srun --mpi=list`), and how often a job may be requeued.
mpi_type=pmix
most_requeues=20
