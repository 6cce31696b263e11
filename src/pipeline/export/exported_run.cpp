// SPDX-License-Identifier: Apache-2.0
#include "pipeline/export/exported_run.hpp"

#include "datus/core/error.hpp"
#include "datus/core/hash.hpp"
#include "datus/core/text.hpp"
#include "datus/io/mask_file.hpp"
#include "pipeline/files/config_file.hpp"
#include "pipeline/files/provenance.hpp"

#include <algorithm>

namespace datus {
namespace {

int chosen_k(const std::filesystem::path& run, const std::vector<int>& values, std::optional<int> k) {
  std::string there;
  for (const int value : values) there += (there.empty() ? "" : ", ") + std::to_string(value);
  if (!k && values.size() == 1) return values.front();
  if (k && std::ranges::find(values, *k) != values.end()) return *k;
  throw UsageError(k ? "There are no masks for K = " + std::to_string(*k) + " in " + run.string()
                     : "It is not said which masks of " + run.string() + " to export",
                   "the run has K = " + there, "Choose one of them with --k.");
}

}  // namespace

MaskRecord ExportedRun::record(ShardIndex shard) const {
  const auto text = text_of_file(directory.mask_record(k, shard));
  auto found = text ? mask_record_from(*text) : std::nullopt;
  if (found && found->shard == shard.value && found->provenance == provenance) return *std::move(found);
  throw InputError("The masks of shard " + std::to_string(shard.value) + " in " + directory.masks(k).string() +
                       " cannot be exported",
                   found ? "they come from other clusters or settings than the run has now" : "they are not finished",
                   "Run 'datus run' or 'datus apply' to its end first.");
}

LabelMap ExportedRun::mask(const MaskRecord& record, const std::string& name) const {
  const auto path = directory.masks(k) / name;
  if (hash_file(path).hex() != record.masks.at(name)) {
    throw InputError("The mask " + path.string() + " cannot be exported", "it was changed after it was written",
                     "Run the same command as before again: it makes the mask anew.");
  }
  return read_mask(path);
}

ExportedRun open_exported_run(const std::filesystem::path& run, std::optional<int> k) {
  const RunDirectory directory(run);
  const auto record = read_config_file_record(directory.config());
  if (!record || !record->intact) {
    throw InputError("Cannot export " + run.string(),
                     record ? directory.config().string() + " was damaged or changed by hand"
                            : "it is no run: it has no config.yaml of one",
                     record ? "Start the run again: it writes the file anew." : "Give the directory of a run.");
  }
  ExportedRun opened{.directory = directory,
                     .config = load_config(directory.config(), {}),
                     .list = read_image_list(directory.image_list()),
                     .provenance = {}};
  opened.k = chosen_k(run, opened.config.cluster.k, k);
  RunInputs inputs = record->inputs;
  inputs.set_images(opened.list);
  opened.provenance = Provenance(opened.config, std::move(inputs)).of(Stage::mask, opened.k).hash().hex();
  return opened;
}

}  // namespace datus
