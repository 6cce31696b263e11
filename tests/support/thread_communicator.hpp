// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"

#include <functional>

namespace datus {

/// Runs `body` on `ranks` ranks, each a thread of this process with a communicator of its own, and
/// returns when all are done. For tests: it needs no launcher, reduces in rank order, and finds
/// misuse that MPI would turn into a hang:
/// - ranks that meet in different collectives, or with other lengths, operations or roots, all get a `SystemError` that
/// says what each of them called;
/// - when a rank throws or returns while others wait for it, those get a `SystemError` instead of
/// waiting for ever.
///
/// Rethrows the exception of the lowest rank that failed by itself (not because another one had
/// failed). Throws `Error` for fewer than one rank, and `SystemError` when a thread cannot be
/// started.
void run_on_threads(int ranks, const std::function<void(Communicator&)>& body);

}  // namespace datus
