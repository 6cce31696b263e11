// SPDX-License-Identifier: Apache-2.0
#include "pipeline/export/exported_run.hpp"

#include "datus/core/error.hpp"
#include "pipeline/files/config_file.hpp"
#include "pipeline/files/key_mean.hpp"
#include "pipeline/files/provenance.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace datus {
namespace {

int chosen_k(const std::filesystem::path& run, const std::vector<int>& values, std::optional<int> k) {
  std::string there;
  for (const int value : values) there += (there.empty() ? "" : ", ") + std::to_string(value);
  if (!k && values.size() == 1) return values.front();
  if (k && std::ranges::find(values, *k) != values.end()) return *k;
  throw UsageError(k ? "There are no masks for K = " + std::to_string(*k) + " in " + run.string()
                     : "It is not said which masks of " + run.string() + " are meant",
                   "the run has K = " + there, "Choose one of them with --k.");
}

ConfigFileRecord record_of_run(const std::filesystem::path& run) {
  const RunDirectory directory(run);
  auto record = read_config_file_record(directory.config());
  if (!record || !record->intact) {
    throw InputError("Cannot use the masks of " + run.string(),
                     record ? directory.config().string() + " was damaged or changed by hand"
                            : "it is no run: it has no config.yaml of one",
                     record ? "Start the run again: it writes the file anew." : "Give the directory of a run.");
  }
  return std::move(*record);
}

}  // namespace

Config config_of_run(const std::filesystem::path& run) {
  (void)record_of_run(run);
  return load_config(RunDirectory(run).config(), {});
}

ExportedRun open_exported_run(const std::filesystem::path& run, std::optional<int> k) {
  const RunDirectory directory(run);
  const ConfigFileRecord record = record_of_run(run);
  Config config = load_config(directory.config(), {});
  auto list = std::make_unique<const ImageList>(read_image_list(directory.image_list()));
  const int chosen = chosen_k(run, config.cluster.k, k);
  RunInputs inputs = record.inputs;
  inputs.set_images(*list);
  if (needs_dataset_mean(config)) inputs.dataset_mean = hash_of_key_mean(directory.key_mean());
  auto masks = make_mask_store(config.mask.formats.front(), {directory, *list, Provenance(config, std::move(inputs))});
  return {directory, std::move(config), std::move(list), std::move(masks), chosen};
}

}  // namespace datus
