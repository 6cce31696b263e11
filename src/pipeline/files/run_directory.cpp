// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/run_directory.hpp"

#include "datus/core/names.hpp"
#include "pipeline/files/stage_files.hpp"

namespace datus {

std::string RunDirectory::cluster_name(int k) {
  return "k" + zero_padded(k, 3);
}

std::filesystem::path RunDirectory::mask_record(int k, ShardIndex shard) const {
  return root_ / "masks" / ".done" / cluster_name(k) / (zero_padded(shard.value, 6) + ".json");
}

std::filesystem::path RunDirectory::packed_masks(int k, ShardIndex shard) const {
  return packed_masks(k) / (zero_padded(shard.value, 6) + ".h5");
}

std::filesystem::path RunDirectory::log(const std::string& launch, int rank) const {
  return root_ / "log" / launch / ("rank" + zero_padded(rank, 4) + ".jsonl");
}

std::filesystem::path RunDirectory::folder(Stage stage) const {
  return root_ / files_of(stage).folder;
}

std::filesystem::path RunDirectory::shard_file(Stage stage, ShardIndex shard) const {
  return folder(stage) / (zero_padded(shard.value, 6) + ".h5");
}

std::vector<std::filesystem::path> RunDirectory::virtual_files() const {
  std::vector<std::filesystem::path> files;
  for (const StageFiles& stage : stage_files) {
    if (stage.is_by_shard) files.push_back(virtual_file(stage.folder));
  }
  return files;
}

}  // namespace datus
