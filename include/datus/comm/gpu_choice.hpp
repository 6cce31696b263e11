// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/core/gpu.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace datus {

/// The GPU of a rank, or why it has none.
struct GpuChoice {
  std::optional<Gpu> gpu;
  /// Other ranks of this node have the same card, so only `make_staged_communicator` can sum. Two ranks that see one
  /// GPU each may have the same one without knowing: `card_sharing_problem` tells.
  bool shared = false;
  /// Why there is no GPU and what to do, as the survey says; empty when there is one.
  std::string problem;
  std::string advice = {};
};

/// Chooses among the GPUs that this rank sees: the only one, or the one of its local rank. Where ranks of a node
/// outnumber them they are shared in turn, which must be allowed (`may_share`). Not collective.
///
/// Throws `UsageError` where sharing would be needed and is not allowed. Want of a driver or a card is no error here: a
/// GPU may be required (`required_gpu`) or merely welcome.
[[nodiscard]] GpuChoice choose_gpu(const Communicator& comm, const GpuSurvey& survey, bool may_share);

/// What Slurm says of the GPUs that it gave to this step or job, "SLURM_STEP_GPUS=0,1"; empty where it gave none that
/// were asked for. A job that asks for whole nodes (--exclusive) gets their GPUs too, but its steps do not.
[[nodiscard]] std::string granted_gpus();

/// Where GPUs are welcome but not asked for, and there is none: throws `UsageError` if the job was `granted` some all
/// the same, since they would stand idle, unnoticed. `setting`: what says that this is wanted.
void refuse_idle_gpus(const GpuChoice& choice, const std::string& granted, const std::string& setting);

/// The chosen GPU. Throws `UsageError` when there is none, `setting` ("model.device: cuda") being what asked for it.
[[nodiscard]] const Gpu& required_gpu(const GpuChoice& choice, const std::string& setting);

/// One rank's card, as others see it.
struct RankCard {
  std::string node;
  std::string name;
  std::string uuid;
  std::string slot;  ///< the card's place in its machine, with what tells machines apart; empty where it is not known
  friend bool operator==(const RankCard&, const RankCard&) = default;
};

/// That of this rank, on a node of that name.
[[nodiscard]] RankCard rank_card(const Gpu& gpu, const std::string& node);

/// COLLECTIVE. The cards of all ranks, by rank. An empty UUID stands for a rank without one.
[[nodiscard]] std::vector<RankCard> cards_of_all_ranks(Communicator& comm, const RankCard& own);

/// Ranks that have one card, which NCCL does not allow.
struct CardSharing {
  std::vector<std::size_t> ranks;
  /// They have instances (MIG) of it, each with memory of its own: to NCCL, which tells cards by their place, one card.
  bool by_instances = false;
  std::string text;  ///< "Ranks 0 and 2 have the same GPU (WHY) WHAT TO DO"
};

/// The first such ranks, if there are any; those that share memory before those with instances. `cards`: by rank.
[[nodiscard]] std::optional<CardSharing> card_sharing_problem(std::span<const RankCard> cards);

}  // namespace datus
