#include "datus/pipeline/run_directory.hpp"

#include "datus/core/names.hpp"

namespace datus {

std::string RunDirectory::cluster_name(int k) {
  return "k" + zero_padded(k, 3);
}

std::string RunDirectory::mask_name(std::string_view image) {
  return stem_of(image) + ".png";
}

std::filesystem::path RunDirectory::mask_record(int k, ShardIndex shard) const {
  return root_ / "masks" / ".done" / cluster_name(k) / (zero_padded(shard.value, 6) + ".json");
}

std::filesystem::path RunDirectory::log(const std::string& launch, int rank) const {
  return root_ / "log" / launch / ("rank" + zero_padded(rank, 4) + ".jsonl");
}

std::filesystem::path RunDirectory::shard_file(const char* stage, ShardIndex shard) const {
  return root_ / stage / (zero_padded(shard.value, 6) + ".h5");
}

}  // namespace datus
