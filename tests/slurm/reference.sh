#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the configuration that the tests share, and its undisturbed run by a plain mpirun.
. "$(dirname "$0")/job_lib.sh" "$@"
rm -rf "$shared"
mkdir -p "$shared"
write_configuration "$shared"
cd "$shared" || exit 1
"$mpirun" -n 2 "$program" run run.yaml
