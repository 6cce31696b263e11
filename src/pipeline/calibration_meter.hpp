#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/core/stopwatch.hpp"

#include <functional>
#include <span>

namespace datus {

/// COLLECTIVE. Runs `body` on all ranks at the same time, as in a job; it must not communicate. Seconds of this rank.
/// What it throws on any rank is thrown on all.
inline double seconds_of(Communicator& comm, const std::function<void()>& body) {
  double seconds = 0;
  comm.barrier();
  collectively(comm, [&] {
    const Stopwatch watch;
    body();
    seconds = watch.seconds();
  });
  return seconds;
}

/// COLLECTIVE. The largest of all ranks' values: what all decide by.
inline double largest_of(Communicator& comm, double value) {
  comm.allreduce(std::span(&value, 1), ReduceOp::max);
  return value;
}

}  // namespace datus
