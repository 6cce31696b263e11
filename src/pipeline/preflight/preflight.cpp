// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/preflight.hpp"

#include "datus/comm/gpu_choice.hpp"
#include "datus/comm/rank_threads.hpp"
#include "datus/core/job_identity.hpp"
#include "datus/core/log.hpp"
#include "datus/core/text.hpp"
#include "datus/io/disk_space.hpp"
#include "pipeline/backbone/model_placement.hpp"
#include "pipeline/inputs/options_of_config.hpp"
#include "pipeline/preflight/node_checks.hpp"
#include "pipeline/preflight/rank_facts.hpp"
#include "pipeline/shards/shard_inputs.hpp"
#include "pipeline/stages/gpu_stages.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace datus {
namespace {

using namespace preflight_detail;

constexpr std::chrono::seconds patience_with_file_server(5);

/// COLLECTIVE. The text of every rank, by rank.
std::vector<std::string> texts_of_all_ranks(const std::string& text, Communicator& comm) {
  std::vector<std::string> texts;
  for (const auto& bytes : allgather(comm, std::as_bytes(std::span(text)))) {
    texts.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  return texts;
}

/// COLLECTIVE. A sum over all ranks that everybody knows, in a message too long for one packet.
void check_messages(Communicator& comm, RankFacts& facts) {
  constexpr std::int64_t length = 1 << 16;
  std::vector<std::int64_t> values(length);
  for (std::int64_t i = 0; i < length; ++i) values[static_cast<std::size_t>(i)] = (comm.rank() + 1) * (i + 1);
  comm.allreduce(values, ReduceOp::sum);
  const std::int64_t ranks = comm.size();
  std::int64_t wrong = 0;
  for (std::int64_t i = 0; i < length; ++i) {
    wrong += values[static_cast<std::size_t>(i)] == ranks * (ranks + 1) / 2 * (i + 1) ? 0 : 1;
  }
  if (wrong == 0) return;
  facts.problems.push_back(
      {ExitCode::failure,
       message_text("MPI adds up wrongly",
                    std::to_string(wrong) + " of " + std::to_string(length) + " sums over all ranks are wrong here",
                    "Check the MPI library and the network that it uses (Open MPI: --mca btl).")});
}

/// COLLECTIVE.
void find_threads(Communicator& comm, RankFacts& facts) {
  facts.threads = threads_per_rank(comm);
  facts.share = fair_share_of_rank(comm, cores_of_all_ranks(comm, usable_cores().value_or(UsableCores{})));
  facts.granted_cores = thread_limits().batch_system;
}

/// With `auto` a GPU is welcome, but none is needed.
bool asks_for_gpus(const Config& config, const std::vector<Stage>& stages) {
  const auto asks = [&](Stage stage) {
    const bool clusters = stage == Stage::cluster;
    return asks_for_gpu(stage, config) &&
           (clusters ? requires_gpu(config.cluster.device) : requires_gpu(config.model.device));
  };
  return std::ranges::any_of(stages, asks);
}

/// Only NCCL needs a card for each rank, and `auto` takes it where there is one for each.
bool may_share_gpus(const Config& config) {
  return config.cluster.comm != ClusterConfig::Comm::nccl;
}

void share_backend(const Config& config, const std::vector<Stage>& stages, const Communicator& comm, RankFacts& facts) {
  // What Slurm gave is to be used in any case.
  refuse_idle_gpus(config, comm);
  const auto is_tied = [&](Stage stage) { return runs_model(config, stage); };
  if (config.run.mixed_hardware || std::ranges::none_of(stages, is_tied)) return;
  ModelPlacement placement;
  try {
    placement = place_model(config.model, comm);
  } catch (const UsageError&) {
    // A GPU that is asked for and not there is a finding of its own (`check_card`).
    if (requires_gpu(config.model.device)) return;
    throw;
  }
  facts.shared.push_back({"the backend of the model is", backend_of(placement),
                          "Take nodes of one kind (in Slurm --constraint), or set run.mixed_hardware: true."});
}

/// Checks the place of the run directory: rank 0 makes a token there, a rank of each other node looks for it.
class FolderCheck {
 public:
  FolderCheck(std::filesystem::path run, std::string launch) : run_(std::move(run)), launch_(std::move(launch)) {}

  void on_first_node(RankFacts& facts) {
    attempt(facts, [&] {
      if (look(facts)) token_ = std::make_unique<TokenFile>(facts.folder->path, launch_);
      facts.folder->sees_token = token_ ? std::optional(true) : std::nullopt;
    });
  }
  [[nodiscard]] bool token_made() const noexcept { return token_ != nullptr; }

  void on_other_node(RankFacts& facts, bool token_made, int rank) const {
    attempt(facts, [&] {
      const bool sees_token = token_made && token_appears(run_, launch_, patience_with_file_server);
      const bool has_room = look(facts);
      if (token_made) facts.folder->sees_token = sees_token;
      if (has_room && sees_token == token_made) {
        TokenFile(facts.folder->path, launch_ + "-r" + std::to_string(rank)).remove();
      }
    });
  }

  /// Once all have looked.
  void clean_up(RankFacts& facts) {
    if (token_) attempt(facts, [&] { token_->remove(); });
    token_.reset();
  }

 private:
  /// Whether there is any room for files.
  bool look(RankFacts& facts) const {
    const auto folder = nearest_folder(run_);
    facts.folder = {.path = folder.string(), .free_bytes = free_bytes(folder)};
    return facts.folder->free_bytes >= least_free_bytes;
  }

  std::filesystem::path run_;
  std::string launch_;
  std::unique_ptr<TokenFile> token_;
};

/// COLLECTIVE. `is_first`: of the ranks of this node.
void check_folder(const Config& config, bool is_first, Communicator& comm, RankFacts& facts) {
  const std::string launch = broadcast_text(comm, comm.rank() == 0 ? job_from_environment().launch() : std::string());
  FolderCheck check(config.run.directory, launch);
  if (comm.rank() == 0) check.on_first_node(facts);
  const bool token_made = !broadcast_text(comm, check.token_made() ? "made" : "").empty();
  if (is_first && comm.rank() != 0) check.on_other_node(facts, token_made, comm.rank());
  comm.barrier();
  check.clean_up(facts);
}

/// COLLECTIVE. What any rank was asked for: all have to take part in the same checks.
bool asked_anywhere(bool asked, Communicator& comm) {
  std::int64_t count = asked ? 1 : 0;
  comm.allreduce(std::span(&count, 1), ReduceOp::sum);
  return count > 0;
}

/// COLLECTIVE.
RankFacts own_facts(const Config& config, const PreflightRequest& request, Communicator& comm) {
  RankFacts facts{.node = node_name()};
  const auto nodes = texts_of_all_ranks(facts.node, comm);
  const bool is_first = std::ranges::find(nodes, facts.node) - nodes.begin() == comm.rank();
  check_messages(comm, facts);
  find_threads(comm, facts);
  facts.shared.push_back({"the configuration is", dump_config(config, false),
                          "Start all ranks from the same files, with the same arguments and environment."});
  attempt(facts, [&] { share_backend(config, request.stages, comm, facts); });
  if (asks_for_gpus(config, request.stages)) check_card(comm, survey_gpus(), may_share_gpus(config), facts);
  // One rank of each node reads what is large.
  if (is_first) {
    check_program(facts);
    check_weights(config, facts);
    if (request.needs_images || config.dataset.images) check_dataset(config.dataset, facts);
  }
  if (asked_anywhere(request.in_run_directory, comm)) check_folder(config, is_first, comm, facts);
  return facts;
}

/// The exit code of the first problem; mere warnings are none.
ExitCode code_of(const std::vector<Finding>& findings) {
  const auto first =
      std::ranges::find_if(findings, [](const Finding& finding) { return finding.code != ExitCode::done; });
  return first == findings.end() ? ExitCode::done : first->code;
}

void print(const std::vector<Finding>& findings, const std::vector<RankFacts>& facts) {
  for (const Finding& finding : findings) std::cerr << finding.line() << "\n";
  std::cerr << std::flush;
  if (code_of(findings) == ExitCode::done) std::cout << "preflight: ok: " << summary_of(facts) << std::endl;
}

}  // namespace

ExitCode preflight(const Config& config, const PreflightRequest& request, Communicator& comm) {
  std::vector<RankFacts> facts;
  for (const std::string& text : texts_of_all_ranks(to_text(own_facts(config, request, comm)), comm)) {
    facts.push_back(facts_from_text(text));
  }
  const auto findings = findings_in(facts, request.ranks);
  if (comm.rank() == 0) print(findings, facts);
  // Launchers end all ranks when the first one leaves with an error: not before the report is out.
  comm.barrier();
  return code_of(findings);
}

}  // namespace datus
