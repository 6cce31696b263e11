// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/kmeans.hpp"
#include "datus/comm/communicator.hpp"
#include "datus/comm/device_communicator.hpp"
#include "datus/config/config.hpp"

#include <memory>
#include <optional>

namespace datus {

/// The GPUs that k-means runs on, and how they add up.
class ClusterGpu {
 public:
  /// COLLECTIVE. By cluster.device and cluster.comm: with `auto` on GPUs where every rank has one, by NCCL where each
  /// has its own. Rank 0 says in the log what was chosen. Throws `AgreedError` when what is asked for is not there,
  /// when Slurm gave GPUs that `auto` cannot use (unless model.device: cpu says that this is wanted), or when ranks
  /// that share a GPU were to use NCCL. `comm` must outlive it; all ranks destroy it.
  ClusterGpu(const Config& config, Communicator& comm);

  /// COLLECTIVE within `group`, a group of the ranks of `all`: the same cards, which add up within it alone. Both must
  /// outlive it; all ranks of the group destroy it.
  ClusterGpu(const ClusterGpu& all, Communicator& group);

  /// For `KMeansOptions::gpu`; null on CPUs.
  [[nodiscard]] const KMeansGpu* get() const { return gpu_ ? &*gpu_ : nullptr; }

 private:
  void add_up_over(Communicator& comm, bool by_nccl);

  bool by_nccl_ = false;
  std::unique_ptr<DeviceCommunicator> collectives_;
  std::optional<KMeansGpu> gpu_;
};

}  // namespace datus
