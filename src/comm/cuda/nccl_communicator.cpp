// SPDX-License-Identifier: Apache-2.0
#include "comm/cuda/nccl_communicator.hpp"

#include "comm/backoff.hpp"
#include "datus/core/job_identity.hpp"
#include "datus/core/log.hpp"

#include <algorithm>
#include <exception>
#include <span>
#include <vector>

namespace datus {
namespace {

constexpr std::chrono::milliseconds abort_limit{60'000};

constexpr const char* advice =
    "Look for the first error of any rank in the log. NCCL_DEBUG=INFO shows what NCCL does, NCCL_SOCKET_IFNAME=NAME "
    "tells it which network to take, and cluster.comm: mpi does without it.";

std::string seconds_text(std::chrono::milliseconds time) {
  const auto count = time.count();
  return count % 1000 == 0 ? std::to_string(count / 1000) + " s" : std::to_string(count) + " ms";
}

/// COLLECTIVE. Rank 0's, by which the ranks find each other.
ncclUniqueId common_id(Communicator& comm) {
  ncclUniqueId id{};
  on_root(comm, [&] {
    const NcclAnswer answer = nccl_answer(ncclGetUniqueId(&id));
    if (answer.failed()) throw SystemError("NCCL cannot start on " + this_process().host, answer.trouble, advice);
  });
  comm.broadcast(std::as_writable_bytes(std::span(id.internal)), 0);
  return id;
}

/// Asks until nothing is in progress any more; what still is when the time is over stays so.
NcclAnswer settle(const NcclGroup& group, NcclAnswer answer, std::chrono::milliseconds limit) {
  for (const Backoff backoff(limit); answer.in_progress() && !backoff.over(); backoff.pause()) {
    answer = group.state();
  }
  return answer;
}

/// COLLECTIVE. `trouble`: what keeps this rank from starting; empty when nothing does. `late`: it is only that the
/// others did not come.
void agree_on_start(Communicator& comm, const RankCard& card, const std::string& trouble, bool late) {
  const std::string text =
      trouble.empty() ? ""
                      : (late ? 'L' : 'F') + trouble + ", on " + card.node + " with " + card.name + " " + card.uuid;
  const auto all = allgather(comm, std::as_bytes(std::span(text)));
  const auto first_with = [&](char kind) {
    return std::ranges::find_if(all, [=](const auto& bytes) { return !bytes.empty() && char(bytes[0]) == kind; });
  };
  // One that failed is why others wait in vain.
  auto first = first_with('F');
  if (first == all.end()) first = first_with('L');
  if (first == all.end()) return;
  const std::string why(reinterpret_cast<const char*>(first->data()) + 1, first->size() - 1);
  throw AgreedError(ExitCode::failure, "NCCL does not start on all " + std::to_string(comm.size()) + " ranks",
                    "rank " + std::to_string(first - all.begin()) + ": " + why, advice);
}

}  // namespace

NcclCommunicator::NcclCommunicator(Communicator& comm, int gpu, const DeviceTimeouts& timeouts)
    : comm_(comm), gpu_(gpu), timeouts_(timeouts), exceptions_before_(std::uncaught_exceptions()), group_(abort_limit) {
  RankCard card;
  collectively(comm_, [&] { prepare(card); });
  const auto sharing = card_sharing_problem(cards_of_all_ranks(comm_, card));
  if (sharing) throw AgreedError(ExitCode::usage, sharing->text);
  start(card);
}

/// What this rank needs for itself.
void NcclCommunicator::prepare(RankCard& card) {
  const GpuSurvey survey = survey_gpus();
  const auto own = std::ranges::find(survey.gpus, gpu_, &Gpu::index);
  if (own == survey.gpus.end()) {
    throw SystemError(
        "GPU " + std::to_string(gpu_) + " cannot be used",
        survey.problem.empty() ? "CUDA shows " + std::to_string(survey.gpus.size()) + " here" : survey.problem,
        "See nvidia-smi and CUDA_VISIBLE_DEVICES.");
  }
  card = rank_card(*own, this_process().host);
  cuda::use_gpu(gpu_);
  marks_.emplace();
}

void NcclCommunicator::start(const RankCard& card) {
  const ncclUniqueId id = common_id(comm_);
  const NcclAnswer answer = settle(group_, group_.start(id, comm_.rank(), comm_.size(), gpu_), timeouts_.start);
  const bool late = answer.in_progress();
  const std::string trouble =
      late ? "the ranks did not find each other within " + seconds_text(timeouts_.start) : answer.trouble;
  // Before the others hear of it: they may find out by themselves, and sooner.
  if (!trouble.empty()) group_.abort();
  agree_on_start(comm_, card, trouble, late);
}

NcclCommunicator::~NcclCommunicator() {
  // Otherwise the group aborts what there is of it.
  if (!group_.alive() || std::uncaught_exceptions() > exceptions_before_) return;
  try {
    finish();
  } catch (const std::exception& error) {
    log::warning(error.what());
  }
}

void NcclCommunicator::allreduce_sum(std::int64_t* values, std::int64_t count, const cuda::Stream& stream) {
  require_intact();
  if (count == 0) return;
  cuda::use_gpu(gpu_);
  if (!in_flight()) marks_->before.record(stream);
  // At the first collective NCCL connects the ranks, and so waits for them.
  const NcclAnswer answer = settle(group_, group_.allreduce_sum(values, count, stream), timeouts_.collective);
  if (answer.in_progress()) {
    give_up("A sum over the ranks' GPUs did not start within " + seconds_text(timeouts_.collective),
            "NCCL waits for another rank, which is lost, stuck or far behind");
  }
  if (answer.failed()) give_up("A sum over the ranks' GPUs did not start", "NCCL: " + answer.trouble);
  marks_->after.record(stream);
}

void NcclCommunicator::wait(const cuda::Stream& stream) {
  require_intact();
  // The time that this rank's own work takes before it is ready for the others does not count.
  std::optional<Backoff> for_others;
  const Backoff whole(timeouts_.collective);
  while (!stream.done()) {
    require_healthy();
    if (!for_others && in_flight() && marks_->before.passed()) for_others.emplace(timeouts_.collective);
    if (for_others && for_others->over()) {
      give_up("A sum over the ranks' GPUs did not end within " + seconds_text(timeouts_.collective),
              "another rank is lost, stuck or far behind");
    }
    whole.pause();
  }
  // What NCCL gave up by itself counts as done.
  require_healthy();
}

std::string NcclCommunicator::description() const {
  return "NCCL " + nccl_version();
}

/// Whether collectives are not done. NCCL does those of one group one after the other, so the last one tells.
bool NcclCommunicator::in_flight() const {
  return !marks_->after.passed();
}

void NcclCommunicator::require_intact() const {
  if (failure_) throw SystemError(*failure_);
}

void NcclCommunicator::require_healthy() {
  const NcclAnswer answer = group_.state();
  if (answer.failed()) give_up("A sum over the ranks' GPUs failed", "NCCL: " + answer.trouble);
}

void NcclCommunicator::finish() {
  for (const Backoff backoff(timeouts_.collective); in_flight(); backoff.pause()) {
    require_healthy();
    if (backoff.over()) {
      give_up("Sums over the ranks' GPUs did not end within " + seconds_text(timeouts_.collective),
              "another rank is lost, stuck or far behind");
    }
  }
  const NcclAnswer end = settle(group_, group_.finalize(), timeouts_.start);
  if (end.in_progress()) {
    give_up("NCCL did not end in order within " + seconds_text(timeouts_.start), "another rank does not come");
  }
  if (end.failed()) give_up("NCCL did not end in order", end.trouble);
  const NcclAnswer back = group_.destroy();
  if (back.in_progress()) log::warning("NCCL did not give the GPU back within " + seconds_text(abort_limit));
  if (back.failed()) give_up("NCCL did not give the GPU back", back.trouble);
}

void NcclCommunicator::give_up(const std::string& problem, const std::string& why) {
  group_.abort();
  failure_.emplace(problem, why, advice);
  throw SystemError(*failure_);
}

std::unique_ptr<DeviceCommunicator> make_nccl_communicator(Communicator& comm, int gpu,
                                                           const DeviceTimeouts& timeouts) {
  return std::make_unique<NcclCommunicator>(comm, gpu, timeouts);
}

std::string nccl_version() {
  int version = 0;
  if (ncclGetVersion(&version) != ncclSuccess) return "of an unknown version";
  return std::to_string(version / 10'000) + "." + std::to_string(version / 100 % 100) + "." +
         std::to_string(version % 100);
}

}  // namespace datus
