// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/current_scores.hpp"

#include "datus/core/error.hpp"
#include "pipeline/files/config_file.hpp"
#include "pipeline/files/image_list.hpp"
#include "pipeline/files/key_mean.hpp"
#include "pipeline/files/provenance.hpp"

#include <algorithm>
#include <filesystem>

namespace datus {
namespace {

/// Empty where the run's files do not tell.
std::string evaluation_hash(const RunDirectory& run, const Config& config, int k) {
  const auto record = read_config_file_record(run.config());
  if (!record || !record->intact || !std::filesystem::exists(run.image_list())) return {};
  try {
    RunInputs inputs = record->inputs;
    inputs.set_images(read_image_list(run.image_list()));
    if (needs_dataset_mean(config)) inputs.dataset_mean = hash_of_key_mean(run.key_mean());
    return Provenance(config, std::move(inputs)).of(Stage::evaluate, k).hash().hex();
  } catch (const InputError&) {
    return {};
  }
}

}  // namespace

std::string why_not_current(const Evaluation& scores, const std::string& wanted, bool has_truth) {
  const std::string subject = "The scores of K = " + std::to_string(scores.k) + " in RUN/scores are left out: ";
  if (!has_truth) return subject + "an earlier job had ground truth, the run has none now.";
  const bool is_current =
      wanted.empty() || std::ranges::all_of(scores.protocols, [&](const ProtocolScores& of_protocol) {
        const auto found = of_protocol.provenance.find("run");
        return found == of_protocol.provenance.end() || found->second == wanted;
      });
  return is_current ? std::string()
                    : subject + "an earlier job made them with other settings ('datus evaluate' makes them anew).";
}

std::string why_not_current(const Evaluation& scores, const RunDirectory& run, const Config& config) {
  // Of the kinds of data sets this one alone has ground truth only where a setting names it.
  const bool has_none = config.dataset.kind.name == "folder" && !config.dataset.truth;
  return why_not_current(scores, evaluation_hash(run, config, scores.k), !has_none);
}

}  // namespace datus
