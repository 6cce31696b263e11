#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A rank that fails ends the whole job within seconds, with its message and its exit code; an error that all ranks agreed
# on is printed once. Usage: abort.sh FIXTURE MPIRUN
set -euo pipefail
. "$(dirname "$0")/job_lib.sh"
host=$(hostname)

for rank in 0 1 2; do
  ranks 3 input-error "$rank"
  expect_code 3
  expect_out ""
  expect_error 1 "datus: error: rank $rank on $host: shard 7 is damaged (hash differs) Delete it."
done

ranks 3 std-exception 1
expect_code 1
expect_error 1 "rank 1 on $host: vector too long"

ranks 3 integer 2
expect_code 1
expect_error 1 "rank 2 on $host: an exception of an unknown type was thrown"

ranks 3 destructor 1
expect_code 3
expect_error 1 "rank 1 on $host: thrown by a destructor (nobody can catch it) Look here."

ranks 2 thread 1
expect_code 1
expect_error 1 "rank 1 on $host: thrown in a thread"

ranks 2 terminate 0
expect_code 1
expect_error 1 "rank 0 on $host: std::terminate was called"

ranks 3 agreed 2
expect_code 3
expect_error 1 "datus: error: rank 2: no such folder"
expect_error 0 "MPI_ABORT"

# One rank alone has nobody to abort.
ranks 1 input-error 0
expect_code 3
expect_error 1 "datus: error: shard 7 is damaged"
expect_error 0 "MPI_ABORT"

finish
