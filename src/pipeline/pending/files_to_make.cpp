// SPDX-License-Identifier: Apache-2.0
#include "pipeline/pending/files_to_make.hpp"

#include "pipeline/files/mask_store.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <system_error>
#include <utility>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// 0 for a file that is not there.
std::int64_t bytes_of(const fs::path& file) {
  std::error_code problem;
  const auto bytes = fs::file_size(file, problem);
  return problem ? 0 : static_cast<std::int64_t>(bytes);
}

/// The images of some shards, cut into shards as they are.
ImageList images_of(const ImageList& all, const std::vector<ShardIndex>& shards) {
  ImageList part;
  part.shard_size = all.shard_size;
  for (const ShardIndex shard : shards) {
    const auto [begin, end] = all.range(shard);
    part.images.insert(part.images.end(), all.images.begin() + begin, all.images.begin() + end);
  }
  return part;
}

/// What the folders grow by when files are made, part by part.
class Growth {
 public:
  Growth(const RunContext& run, const ModelShape& shape) : run_(run), shape_(shape) {}

  [[nodiscard]] std::int64_t of_shards(const std::vector<StageSet>& shards, Stage stage) const {
    std::vector<ShardIndex> todo;
    std::int64_t replaced = 0;
    for (std::size_t i = 0; i < shards.size(); ++i) {
      if (!shards[i].has(stage)) continue;
      todo.push_back({static_cast<std::int64_t>(i)});
      replaced += bytes_of(run_.directory.shard_file(stage, todo.back()));
    }
    const RunSize estimated = estimate(run_.config.cluster.k, images_of(run_.list, todo));
    return std::max<std::int64_t>(0, estimated.*part_of(stage) - replaced);
  }

  [[nodiscard]] std::int64_t of_clusters(const std::vector<int>& clusters) const {
    std::int64_t replaced = 0;
    for (const int k : clusters)
      replaced += bytes_of(run_.directory.centroids(k)) + bytes_of(run_.directory.assignment(k));
    return std::max<std::int64_t>(0, estimate(clusters, run_.list).clusters - replaced);
  }

  [[nodiscard]] std::int64_t of_masks(int k, const std::vector<ShardIndex>& shards) const {
    std::int64_t replaced = 0;
    for (const ShardIndex shard : shards) replaced += masks_of(k, shard);
    return std::max<std::int64_t>(0, estimate({k}, images_of(run_.list, shards)).masks - replaced);
  }

  [[nodiscard]] std::int64_t of_the_rest(std::int64_t present) const {
    return std::max<std::int64_t>(0, estimate(run_.config.cluster.k, run_.list).other - present);
  }

 private:
  [[nodiscard]] RunSize estimate(const std::vector<int>& clusters, const ImageList& list) const {
    Config config = run_.config;
    config.cluster.k = clusters;
    return estimate_run_size(config, list, shape_.grid, shape_.dim, shape_.descriptor_dim);
  }

  /// Bytes of a shard's masks that are there, in the formats that are asked for.
  [[nodiscard]] std::int64_t masks_of(int k, ShardIndex shard) const {
    std::int64_t bytes = 0;
    if (has_format(run_.config.mask, MaskConfig::Format::hdf5))
      bytes += bytes_of(run_.directory.packed_masks(k, shard));
    if (has_format(run_.config.mask, MaskConfig::Format::png)) bytes += mask_files_of(k, shard);
    return bytes;
  }

  /// Without a record they are not looked for: in a new run there are none.
  [[nodiscard]] std::int64_t mask_files_of(int k, ShardIndex shard) const {
    std::int64_t bytes = bytes_of(run_.directory.mask_record(k, shard));
    if (bytes == 0) return 0;
    const auto [begin, end] = run_.list.range(shard);
    for (std::int64_t i = begin; i < end; ++i) {
      const auto& image = run_.list.images[static_cast<std::size_t>(i)];
      bytes += bytes_of(run_.directory.mask(k, image.name));
    }
    return bytes;
  }

  const RunContext& run_;
  const ModelShape& shape_;
};

}  // namespace

bool FilesToMake::any() const {
  return !clusters.empty() || std::ranges::any_of(shards, &StageSet::any) ||
         std::ranges::any_of(masks, [](const auto& entry) { return !entry.second.empty(); });
}

FilesToMake files_to_make(const RunContext& run, std::vector<StageSet> stale) {
  FilesToMake todo;
  todo.shards = std::move(stale);
  for (const int k : run.config.cluster.k) {
    std::error_code problem;
    if (!fs::exists(run.directory.assignment(k), problem)) todo.clusters.push_back(k);
    for (std::int64_t shard = 0; shard < run.list.shards(); ++shard) {
      if (!has_mask_markers(run.directory, run.config.mask, k, {shard})) todo.masks[k].push_back({shard});
    }
  }
  return todo;
}

RunSize run_size_after(const RunContext& run, const FilesToMake& todo, const ModelShape& shape,
                       const RunSize& present) {
  if (!todo.any()) return present;
  const Growth growth(run, shape);
  RunSize whole = present;
  for (const StageFiles& files : stage_files) {
    if (files.is_by_shard) whole.*part_of(files.stage) += growth.of_shards(todo.shards, files.stage);
  }
  whole.clusters += growth.of_clusters(todo.clusters);
  for (const auto& [k, shards] : todo.masks) whole.masks += growth.of_masks(k, shards);
  whole.other += growth.of_the_rest(present.other);
  return whole;
}

}  // namespace datus
