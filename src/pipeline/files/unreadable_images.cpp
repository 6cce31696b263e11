// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/unreadable_images.hpp"

#include "datus/io/hdf5_reader.hpp"

#include <filesystem>

namespace datus {

std::vector<std::int64_t> unreadable_images(const RunDirectory& directory, ShardIndex shard) {
  for (const auto& path : {directory.segments(shard), directory.keys(shard)}) {
    if (!std::filesystem::exists(path)) continue;
    const Hdf5Reader reader(path);
    if (reader.has("unreadable")) return reader.read<std::int64_t>("unreadable");
  }
  return {};
}

}  // namespace datus
