// SPDX-License-Identifier: Apache-2.0
#pragma once

// NCCL between threads of one process, for tests: names and values as in NVIDIA's header, and of it what src/comm/cuda
// uses. Ranks find each other by the unique id, and their sums are real.
//
// It is as inconvenient as the real one may be:
// - a collective comes into its stream only once ncclCommGetAsyncError has said, after some ncclInProgress, that it is
//   there; work that is put into the stream before is done before;
// - a communicator that is not ready refuses everything but being asked and being aborted;
// - all ranks have to start it, and to come to each collective and to its end; and tests make it fail (`Script`).

#include <climits>
#include <cstddef>

#include <cuda_runtime.h>

#define NCCL_MAJOR 2
#define NCCL_MINOR 28
#define NCCL_PATCH 9
#define NCCL_VERSION_CODE 22809
#define NCCL_UNIQUE_ID_BYTES 128
#define NCCL_CONFIG_UNDEF_INT INT_MIN

struct ncclComm;
using ncclComm_t = ncclComm*;
struct ncclUniqueId {
  char internal[NCCL_UNIQUE_ID_BYTES];
};

enum ncclResult_t {
  ncclSuccess = 0,
  ncclUnhandledCudaError = 1,
  ncclSystemError = 2,
  ncclInternalError = 3,
  ncclInvalidArgument = 4,
  ncclInvalidUsage = 5,
  ncclRemoteError = 6,
  ncclInProgress = 7,
};
enum ncclRedOp_t { ncclSum = 0 };
enum ncclDataType_t { ncclInt64 = 4 };

struct ncclConfig_t {
  std::size_t size;
  unsigned int magic;
  unsigned int version;
  int blocking;
};
#define NCCL_CONFIG_INITIALIZER \
  { sizeof(ncclConfig_t), 0xcafebeef, NCCL_VERSION_CODE, NCCL_CONFIG_UNDEF_INT }

ncclResult_t ncclGetVersion(int* version);
ncclResult_t ncclGetUniqueId(ncclUniqueId* id);
ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int ranks, ncclUniqueId id, int rank, ncclConfig_t* config);
ncclResult_t ncclCommFinalize(ncclComm_t comm);
ncclResult_t ncclCommDestroy(ncclComm_t comm);
ncclResult_t ncclCommAbort(ncclComm_t comm);
ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* state);
const char* ncclGetErrorString(ncclResult_t result);
const char* ncclGetLastError(ncclComm_t comm);
ncclResult_t ncclAllReduce(const void* from, void* to, std::size_t count, ncclDataType_t type, ncclRedOp_t operation,
                           ncclComm_t comm, cudaStream_t stream);

namespace nccl_emulation {

inline constexpr int nobody = -1;

/// What goes wrong, and on which rank. Tests set it before ranks start, and put it back.
struct Script {
  bool no_unique_id = false;
  int start_refused_on = nobody;  ///< at once, without a communicator
  int start_fails_on = nobody;    ///< after a while
  int start_hangs_on = nobody;    ///< and so on all others
  int error_on = nobody;          ///< an error that NCCL finds out by itself, once `error_after` collectives
  int error_after = 0;            ///< of this rank are in their stream
  bool error_later = false;       ///< not at once, but when the state is asked for the next time
  int sticks_in = nobody;       ///< the collective, counted from 0, that no rank gets out of
  int stuck_launch = nobody;    ///< the collective that stays in progress and never reaches a stream
  int end_hangs_on = nobody;    ///< ncclCommFinalize
  bool abort_hangs = false;     ///< for as long as this is set
};
Script& script();

/// What has happened since the process started.
struct Counts {
  int made = 0;
  int destroyed = 0;
  int aborted = 0;
  /// Communicators that were finalized while a collective of theirs was not done.
  int ended_with_work = 0;
  /// Calls that a communicator had to refuse: it was not ready, or its state was an error.
  int misused = 0;
  [[nodiscard]] int alive() const { return made - destroyed - aborted; }
};
Counts counts();

}  // namespace nccl_emulation
