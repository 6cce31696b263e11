// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"
#include "datus/core/names.hpp"
#include "datus/core/types.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace datus {

/// Names of the files of a run (DESIGN, "Files of a run"). Knows places only, touches nothing.
class RunDirectory {
 public:
  explicit RunDirectory(std::filesystem::path root) : root_(std::move(root)) {}

  [[nodiscard]] const std::filesystem::path& root() const { return root_; }
  [[nodiscard]] std::filesystem::path config() const { return root_ / "config.yaml"; }
  [[nodiscard]] std::filesystem::path image_list() const { return root_ / "images.h5"; }
  /// Something that belongs to the run but does not lie in it: the run directory's own path with `ending`.
  [[nodiscard]] std::filesystem::path beside(std::string_view ending) const {
    const auto path = root_.lexically_normal();
    return std::filesystem::path(path.has_filename() ? path : path.parent_path()) += ending;
  }
  [[nodiscard]] std::filesystem::path calibration() const { return beside(".calibration.json"); }
  /// The folder of a stage's files.
  [[nodiscard]] std::filesystem::path folder(Stage stage) const;
  /// A shard's file of a stage that works by shards.
  [[nodiscard]] std::filesystem::path shard_file(Stage stage, ShardIndex shard) const;
  [[nodiscard]] std::filesystem::path keys(ShardIndex shard) const { return shard_file(Stage::extract, shard); }
  /// The mean embedding of the data set, where it is needed.
  [[nodiscard]] std::filesystem::path key_mean() const { return folder(Stage::extract) / "mean.h5"; }
  [[nodiscard]] std::filesystem::path segments(ShardIndex shard) const { return shard_file(Stage::segment, shard); }
  [[nodiscard]] std::filesystem::path descriptors(ShardIndex shard) const { return shard_file(Stage::describe, shard); }
  /// Folder of the results for K clusters: centroids.h5 and assignment.h5.
  [[nodiscard]] std::filesystem::path clusters(int k) const { return root_ / "clusters" / cluster_name(k); }
  [[nodiscard]] std::filesystem::path centroids(int k) const { return clusters(k) / "centroids.h5"; }
  [[nodiscard]] std::filesystem::path assignment(int k) const { return clusters(k) / "assignment.h5"; }
  /// While k-means runs: what it needs to go on after an interruption.
  [[nodiscard]] std::filesystem::path cluster_checkpoint() const { return root_ / "clusters" / "checkpoint.h5"; }
  /// All values of K side by side.
  [[nodiscard]] std::filesystem::path selection() const { return root_ / "clusters" / "selection.json"; }
  [[nodiscard]] std::filesystem::path masks(int k) const { return root_ / "masks" / cluster_name(k); }
  /// Of an image by its name in the list.
  [[nodiscard]] std::filesystem::path mask(int k, std::string_view image) const { return masks(k) / mask_name(image); }
  [[nodiscard]] std::filesystem::path mask_record(int k, ShardIndex shard) const;
  /// The masks of a shard in one file, and all of these files as one.
  [[nodiscard]] std::filesystem::path packed_masks(int k) const { return masks(k).string() + "-packed"; }
  [[nodiscard]] std::filesystem::path packed_masks(int k, ShardIndex shard) const;
  [[nodiscard]] std::filesystem::path mask_index(int k) const { return masks(k).string() + ".h5"; }
  [[nodiscard]] std::filesystem::path scores(int k) const { return root_ / "scores" / (cluster_name(k) + ".json"); }
  /// Classes of the clusters that the run has from the one whose clusters it was labelled with.
  [[nodiscard]] std::filesystem::path carried_classes(int k) const { return clusters(k) / "classes.json"; }
  [[nodiscard]] std::filesystem::path exports() const { return root_ / "export"; }
  [[nodiscard]] std::filesystem::path report() const { return root_ / "report" / "index.html"; }
  [[nodiscard]] std::filesystem::path unreadable() const { return root_ / "unreadable.tsv"; }
  [[nodiscard]] std::filesystem::path summary() const { return root_ / "summary.json"; }
  [[nodiscard]] std::filesystem::path state() const { return root_ / "state.json"; }
  [[nodiscard]] std::filesystem::path lock() const { return root_ / "lock"; }
  [[nodiscard]] std::filesystem::path checksums() const { return root_ / "checksums.tsv"; }
  /// The shards of a folder ("keys", "segments", "descriptors") as one virtual file.
  [[nodiscard]] std::filesystem::path virtual_file(const std::string& folder) const { return root_ / (folder + ".h5"); }
  /// Those of all stages that work by shards.
  [[nodiscard]] std::vector<std::filesystem::path> virtual_files() const;
  /// Log of one rank of one start of a job.
  [[nodiscard]] std::filesystem::path log(const std::string& launch, int rank) const;
  [[nodiscard]] std::filesystem::path claims() const { return root_ / "claims"; }

  /// "k027": K with at least three digits, also the group of an HDF5 file.
  [[nodiscard]] static std::string cluster_name(int k);

 private:
  std::filesystem::path root_;
};

}  // namespace datus
