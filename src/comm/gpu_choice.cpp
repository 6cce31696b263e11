// SPDX-License-Identifier: Apache-2.0
#include "datus/comm/gpu_choice.hpp"

#include "datus/core/environment.hpp"
#include "datus/core/error.hpp"
#include "datus/core/job_identity.hpp"
#include "datus/core/text.hpp"

#include <algorithm>
#include <map>
#include <sstream>
#include <utility>

namespace datus {
namespace {

std::string text_of_counts(int ranks, int gpus) {
  return counted(ranks, "rank") + " on this node and " + counted(gpus, "GPU");
}

std::string text_of_ranks(const std::vector<std::size_t>& ranks) {
  constexpr std::size_t most = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(most, ranks.size()); ++i) {
    const bool is_last = i + 1 == ranks.size();
    text += (i == 0 ? "" : is_last ? " and " : ", ") + std::to_string(ranks[i]);
  }
  return ranks.size() > most ? text + " and others" : text;
}

/// The first ranks of which `part` is the same and not empty.
std::optional<std::vector<std::size_t>> first_with_the_same(std::span<const RankCard> cards,
                                                            std::string RankCard::*part) {
  std::map<std::string, std::vector<std::size_t>> ranks_of;
  for (std::size_t rank = 0; rank < cards.size(); ++rank) {
    if (!(cards[rank].*part).empty()) ranks_of[cards[rank].*part].push_back(rank);
  }
  std::optional<std::vector<std::size_t>> first;
  for (const auto& [value, ranks] : ranks_of) {
    if (ranks.size() > 1 && (!first || ranks.front() < first->front())) first = ranks;
  }
  return first;
}

}  // namespace

GpuChoice choose_gpu(const Communicator& comm, const GpuSurvey& survey, bool may_share) {
  if (survey.gpus.empty()) return {.gpu = {}, .shared = false, .problem = survey.problem, .advice = survey.advice};
  const int count = static_cast<int>(survey.gpus.size());
  // Slurm may show each rank another card as its only one: several ranks that see one GPU each need not share it.
  const bool outnumbered = count > 1 && count < comm.local_size();
  if (outnumbered && !may_share) {
    const std::string gpus = std::to_string(count);
    throw UsageError(text_of_counts(comm.local_size(), count), "NCCL needs a GPU for each rank",
                     "Start " + gpus + " ranks on each node (srun --ntasks-per-node=" + gpus +
                         "), ask for more GPUs (--gpus-per-node), or set cluster.comm: mpi, with which ranks share "
                         "them.");
  }
  const auto chosen = static_cast<std::size_t>(comm.local_rank() % count);
  return {.gpu = survey.gpus[chosen], .shared = outnumbered, .problem = {}};
}

std::string granted_gpus() {
  if (environment_variable("SLURM_JOB_ID").empty()) return {};
  for (const char* name :
       {"SLURM_STEP_GPUS", "SLURM_GPUS", "SLURM_GPUS_PER_NODE", "SLURM_GPUS_PER_TASK", "SLURM_GPUS_PER_SOCKET"}) {
    const std::string value = environment_variable(name);
    // The first is a list of numbers, in which 0 is a GPU.
    const bool is_none = value.empty() || (value == "0" && name != std::string("SLURM_STEP_GPUS"));
    if (!is_none) return name + ("=" + value);
  }
  // In the batch script itself, without a step.
  const std::string of_job = environment_variable("SLURM_JOB_GPUS");
  return of_job.empty() || environment_variable("CUDA_VISIBLE_DEVICES").empty() ? "" : "SLURM_JOB_GPUS=" + of_job;
}

void refuse_idle_gpus(const GpuChoice& choice, const std::string& granted, const std::string& setting) {
  if (choice.gpu || granted.empty()) return;
  throw UsageError("The job was given GPUs (" + granted + "), and none can be used", choice.problem,
                   choice.advice + (choice.advice.empty() ? "Ask" : " Or ask") + " for no GPUs, or set " + setting +
                       " to leave them idle.");
}

const Gpu& required_gpu(const GpuChoice& choice, const std::string& setting) {
  if (choice.gpu) return *choice.gpu;
  throw UsageError("No GPU can be used, and " + setting + " asks for one", choice.problem,
                   choice.advice + (choice.advice.empty() ? "Choose" : " Or choose") + " the device cpu.");
}

RankCard rank_card(const Gpu& gpu, const std::string& node) {
  return {node, gpu.name, gpu.uuid, gpu.bus_id.empty() ? "" : this_process().boot + " " + gpu.bus_id};
}

std::vector<RankCard> cards_of_all_ranks(Communicator& comm, const RankCard& own) {
  // A separator that is in none of the texts.
  const std::string text = own.node + '\0' + own.name + '\0' + own.uuid + '\0' + own.slot;
  std::vector<RankCard> cards;
  for (const auto& bytes : allgather(comm, std::as_bytes(std::span(text)))) {
    std::istringstream parts(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    RankCard card;
    for (std::string* part : {&card.node, &card.name, &card.uuid, &card.slot}) std::getline(parts, *part, '\0');
    cards.push_back(card);
  }
  return cards;
}

std::optional<CardSharing> card_sharing_problem(std::span<const RankCard> cards) {
  if (const auto ranks = first_with_the_same(cards, &RankCard::uuid)) {
    const RankCard& card = cards[ranks->front()];
    return CardSharing{.ranks = *ranks,
                       .by_instances = false,
                       .text = message_text(
                           "Ranks " + text_of_ranks(*ranks) + " have the same GPU",
                           card.name + " " + card.uuid + " on " + card.node + "; NCCL needs one for each rank",
                           "Start as many ranks on a node as the job has GPUs there (srun --gpus-per-node=N "
                           "--ntasks-per-node=N) and leave CUDA_VISIBLE_DEVICES alone, or set cluster.comm: mpi, with "
                           "which ranks share GPUs.")};
  }
  const auto ranks = first_with_the_same(cards, &RankCard::slot);
  if (!ranks) return {};
  const RankCard& card = cards[ranks->front()];
  return CardSharing{.ranks = *ranks,
                     .by_instances = true,
                     .text = message_text(
                         "Ranks " + text_of_ranks(*ranks) + " have instances (MIG) of one GPU",
                         card.name + " on " + card.node + "; NCCL takes whole GPUs, one for each rank",
                         "Set cluster.comm: mpi, with which sums go through the host's memory, or give each rank a GPU "
                         "of its own.")};
}

}  // namespace datus
