// SPDX-License-Identifier: Apache-2.0
#include "nccl.h"

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace nccl_emulation {
namespace {

/// One collective of a group.
struct Collective {
  struct Part {
    const std::int64_t* from = nullptr;
    std::int64_t* to = nullptr;
    std::size_t count = 0;
  };
  std::map<int, Part> parts;
  bool done = false;
};

/// The ranks of one unique id.
struct Group {
  int ranks = 0;
  int started = 0;
  int ended = 0;
  std::vector<Collective> collectives;
};

/// What streams still need when a communicator is gone.
struct Member {
  std::shared_ptr<Group> group;
  int rank = 0;
  bool aborted = false;
  std::size_t issued = 0;
  std::size_t done = 0;
};

std::map<std::string, std::shared_ptr<Group>>& groups() {
  static std::map<std::string, std::shared_ptr<Group>> of_process;
  return of_process;
}

Counts& running_counts() {
  static Counts of_process;
  return of_process;
}

std::string& last_error() {
  // Of the process in the real one, where ranks are processes.
  static thread_local std::string of_rank;
  return of_rank;
}

ncclResult_t fail(ncclResult_t result, const std::string& text) {
  last_error() = text;
  return result;
}

/// Adds up once all parts are there. Returns whether this rank may go on.
bool act(Group& group, Collective& collective) {
  if (collective.done) return true;
  if (static_cast<int>(collective.parts.size()) < group.ranks) return false;
  const std::size_t count = collective.parts.begin()->second.count;
  for (std::size_t i = 0; i < count; ++i) {
    std::int64_t sum = 0;
    for (const auto& [rank, part] : collective.parts) sum += part.from[i];
    for (const auto& [rank, part] : collective.parts) part.to[i] = sum;
  }
  return collective.done = true;
}

}  // namespace

Script& script() {
  static Script of_process;
  return of_process;
}

Counts counts() {
  Counts copy;
  cuda_emulation::with_device([&] { copy = running_counts(); });
  return copy;
}

}  // namespace nccl_emulation

using namespace nccl_emulation;

struct ncclComm {
  std::shared_ptr<Member> member;
  enum class Phase { starting, ready, launching, ending, ended } phase = Phase::starting;
  ncclResult_t error = ncclSuccess;
  /// How often the state was asked for in this phase.
  int asked = 0;
  cudaStream_t stream = nullptr;
  Collective::Part part;
};

namespace {

/// Polls that find nothing new although all is well.
constexpr int idle_polls = 3;

void enter(ncclComm& comm, ncclComm::Phase phase) {
  comm.phase = phase;
  comm.asked = 0;
}

/// Puts the collective that was asked for into its stream. Those of one communicator are done one after the other, in
/// whatever streams they are.
void put_into_stream(ncclComm& comm) {
  const std::size_t number = comm.member->issued++;
  cuda_emulation::enqueue_waiting(comm.stream, [member = comm.member, part = comm.part, number] {
    Group& group = *member->group;
    if (group.collectives.size() <= number) group.collectives.resize(number + 1);
    Collective& collective = group.collectives[number];
    const bool sticks = std::cmp_equal(number, script().sticks_in);
    const bool is_next = member->done == number;
    if (!member->aborted && is_next) collective.parts[member->rank] = part;
    const bool over = member->aborted || (is_next && !sticks && act(group, collective));
    if (over) ++member->done;
    return over;
  });
}

void find_error(ncclComm& comm) {
  const bool is_due =
      comm.member->rank == script().error_on && std::cmp_greater_equal(comm.member->issued, script().error_after);
  if (is_due) comm.error = fail(ncclRemoteError, "emulated NCCL: connection closed by remote peer n2<4711>");
}

void make_progress(ncclComm& comm) {
  const int rank = comm.member->rank;
  Group& group = *comm.member->group;
  if (script().error_later && comm.phase == ncclComm::Phase::ready) find_error(comm);
  if (comm.asked++ < idle_polls) return;
  switch (comm.phase) {
    case ncclComm::Phase::starting:
      if (rank == script().start_fails_on) {
        comm.error = fail(ncclSystemError, "emulated NCCL: no socket interface found");
      } else if (group.started == group.ranks && rank != script().start_hangs_on) {
        enter(comm, ncclComm::Phase::ready);
      }
      break;
    case ncclComm::Phase::launching:
      if (std::cmp_equal(comm.member->issued, script().stuck_launch)) break;
      enter(comm, ncclComm::Phase::ready);
      put_into_stream(comm);
      if (!script().error_later) find_error(comm);
      break;
    case ncclComm::Phase::ending:
      if (group.ended == group.ranks && rank != script().end_hangs_on) enter(comm, ncclComm::Phase::ended);
      break;
    case ncclComm::Phase::ready:
    case ncclComm::Phase::ended:
      break;
  }
}

bool is_settled(const ncclComm& comm) {
  return comm.phase == ncclComm::Phase::ready || comm.phase == ncclComm::Phase::ended;
}

ncclResult_t state_of(const ncclComm& comm) {
  return comm.error != ncclSuccess ? comm.error : is_settled(comm) ? ncclSuccess : ncclInProgress;
}

/// Whether the communicator takes a call, which it does in `phase` only.
ncclResult_t admit(const ncclComm& comm, ncclComm::Phase phase) {
  if (comm.phase == phase && comm.error == ncclSuccess) return ncclSuccess;
  ++running_counts().misused;
  return fail(ncclInvalidArgument, "emulated NCCL: the communicator is not ready");
}

/// Runs `action` with the device, which the emulated NCCL belongs to.
template <class Action>
ncclResult_t locked(const Action& action) {
  ncclResult_t result = ncclSuccess;
  cuda_emulation::with_device([&] { result = action(); });
  return result;
}

}  // namespace

ncclResult_t ncclGetVersion(int* version) {
  *version = NCCL_VERSION_CODE;
  return ncclSuccess;
}

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  return locked([&] {
    if (script().no_unique_id) return fail(ncclSystemError, "emulated NCCL: no socket interface found");
    static int made = 0;
    const std::string text = "emulated group " + std::to_string(++made);
    *id = {};
    text.copy(id->internal, sizeof(id->internal) - 1);
    return ncclSuccess;
  });
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int ranks, ncclUniqueId id, int rank, ncclConfig_t* config) {
  return locked([&] {
    *comm = nullptr;
    if (rank == script().start_refused_on) return fail(ncclUnhandledCudaError, "emulated NCCL: Cuda failure 'some'");
    if (config->magic != 0xcafebeef || config->blocking != 0) return fail(ncclInvalidArgument, "emulated NCCL: config");
    auto& group = groups()[id.internal];
    if (!group) group = std::make_shared<Group>();
    group->ranks = ranks;
    ++group->started;
    ++running_counts().made;
    *comm = new ncclComm;
    (*comm)->member = std::make_shared<Member>(Member{group, rank});
    return ncclInProgress;
  });
}

ncclResult_t ncclCommFinalize(ncclComm_t comm) {
  return locked([&] {
    if (const ncclResult_t refusal = admit(*comm, ncclComm::Phase::ready); refusal != ncclSuccess) return refusal;
    if (comm->member->done < comm->member->issued) ++running_counts().ended_with_work;
    ++comm->member->group->ended;
    enter(*comm, ncclComm::Phase::ending);
    return ncclInProgress;
  });
}

ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  return locked([&] {
    if (const ncclResult_t refusal = admit(*comm, ncclComm::Phase::ended); refusal != ncclSuccess) return refusal;
    ++running_counts().destroyed;
    delete comm;
    return ncclSuccess;
  });
}

ncclResult_t ncclCommAbort(ncclComm_t comm) {
  bool hangs = true;
  while (hangs) {
    cuda_emulation::with_device([&] { hangs = script().abort_hangs; });
    if (hangs) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return locked([&] {
    ++running_counts().aborted;
    comm->member->aborted = true;
    delete comm;
    return ncclSuccess;
  });
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* state) {
  return locked([&] {
    make_progress(*comm);
    *state = state_of(*comm);
    return ncclSuccess;
  });
}

const char* ncclGetErrorString(ncclResult_t result) {
  switch (result) {
    case ncclSuccess:
      return "no error";
    case ncclUnhandledCudaError:
      return "unhandled cuda error (run with NCCL_DEBUG=INFO for details)";
    case ncclSystemError:
      return "unhandled system error (run with NCCL_DEBUG=INFO for details)";
    case ncclRemoteError:
      return "remote process exited or there was a network error";
    case ncclInProgress:
      return "NCCL operation in progress";
    default:
      return "some other error of NCCL";
  }
}

const char* ncclGetLastError(ncclComm_t) {
  return last_error().c_str();
}

ncclResult_t ncclAllReduce(const void* from, void* to, std::size_t count, ncclDataType_t type, ncclRedOp_t operation,
                           ncclComm_t comm, cudaStream_t stream) {
  return locked([&] {
    if (const ncclResult_t refusal = admit(*comm, ncclComm::Phase::ready); refusal != ncclSuccess) return refusal;
    if (type != ncclInt64 || operation != ncclSum) return fail(ncclInvalidArgument, "emulated NCCL: not sums of int64");
    comm->stream = stream;
    comm->part = {static_cast<const std::int64_t*>(from), static_cast<std::int64_t*>(to), count};
    enter(*comm, ncclComm::Phase::launching);
    return ncclInProgress;
  });
}
