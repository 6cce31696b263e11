// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/cluster/cluster_gpu.hpp"

#include "datus/comm/gpu_choice.hpp"
#include "datus/core/error.hpp"
#include "datus/core/gpu.hpp"
#include "datus/core/job_identity.hpp"
#include "datus/core/log.hpp"
#include "pipeline/inputs/options_of_config.hpp"

#include <span>
#include <string>

namespace datus {
namespace {

using Comm = ClusterConfig::Comm;

/// COLLECTIVE. Whether `mine` holds on all ranks.
bool on_all_ranks(bool mine, Communicator& comm) {
  std::int64_t all = mine ? 1 : 0;
  comm.allreduce(std::span(&all, 1), ReduceOp::min);
  return all == 1;
}

/// COLLECTIVE. The ranks that have one card: each may have been told of it alone.
std::optional<CardSharing> shared_cards(const GpuChoice& choice, Communicator& comm) {
  return card_sharing_problem(cards_of_all_ranks(comm, rank_card(*choice.gpu, this_process().host)));
}

}  // namespace

ClusterGpu::ClusterGpu(const Config& all, Communicator& comm) {
  const ClusterConfig& config = all.cluster;
  if (refuses_gpu(config.device)) return;
  GpuChoice choice;
  collectively(comm, [&] {
    choice = choose_gpu(comm, survey_gpus(), true);
    if (requires_gpu(config.device)) (void)required_gpu(choice, "cluster.device: cuda");
    refuse_idle_gpus(choice, granted_gpus(), "cluster.device: cpu");
  });
  if (!on_all_ranks(choice.gpu.has_value(), comm)) {
    if (built_with_cuda() && comm.rank() == 0) {
      log::info("cluster.device: auto takes the CPUs: " +
                (choice.gpu ? std::string("not every rank has a GPU") : choice.problem + ". " + choice.advice));
    }
    return;
  }
  const auto shared = shared_cards(choice, comm);
  // NCCL itself refuses ranks that share a card; `auto` does not ask it to.
  const bool by_nccl = config.comm ? *config.comm == Comm::nccl : comm.size() > 1 && !shared;
  if (!config.comm && shared && comm.rank() == 0) {
    log::info(std::string("cluster.comm: auto takes mpi: ranks share a card") +
              (shared->by_instances ? " by instances of it (MIG), which NCCL takes for one" : ""));
  }
  gpu_ = KMeansGpu{.index = choice.gpu->index, .collectives = nullptr, .memory_bytes = 0};
  add_up_over(comm, by_nccl);
  // Each would count on all that is free: a part of 70 % for each rank of the node, the rest for their other needs.
  if (shared && !shared->by_instances) gpu_->memory_bytes = choice.gpu->memory_bytes / 10 * 7 / comm.local_size();
  if (comm.rank() == 0) log::info("cluster runs on " + choice.gpu->name + ", sums by " + collectives_->description());
}

ClusterGpu::ClusterGpu(const ClusterGpu& all, Communicator& group) : gpu_(all.gpu_) {
  // A rank alone has nothing to add.
  if (gpu_) add_up_over(group, all.by_nccl_ && group.size() > 1);
}

void ClusterGpu::add_up_over(Communicator& comm, bool by_nccl) {
  by_nccl_ = by_nccl;
  collectives_ = by_nccl ? make_nccl_communicator(comm, gpu_->index) : make_staged_communicator(comm);
  gpu_->collectives = collectives_.get();
}

}  // namespace datus
