// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <optional>

namespace datus {

/// Some of the stages.
class StageSet {
 public:
  constexpr StageSet() = default;
  constexpr StageSet(std::initializer_list<Stage> stages) {
    for (const Stage stage : stages) set(stage);
  }
  constexpr void set(Stage stage, bool is_in = true) { is_in_.at(static_cast<std::size_t>(stage)) = is_in; }
  [[nodiscard]] constexpr bool has(Stage stage) const { return is_in_.at(static_cast<std::size_t>(stage)); }
  [[nodiscard]] constexpr bool any() const { return std::ranges::find(is_in_, true) != is_in_.end(); }
  friend constexpr bool operator==(const StageSet&, const StageSet&) = default;

 private:
  std::array<bool, all_stages.size()> is_in_{};
};

/// What a stage may read from outside the run; each is a part of the provenance of its files.
enum class OutsideInput { images, weights, backend, dataset_mean, descriptor_weights, centroids };

constexpr std::size_t most_datasets_of_shard = 5;

/// What a stage leaves in the run directory, and from what.
struct StageFiles {
  Stage stage;
  /// Its folder in the run directory, which is also what people call its files.
  const char* folder;
  /// Raised by hand when results change with the same settings and inputs.
  int code_version;
  /// The stage before it, whose files it reads.
  std::optional<Stage> input;
  /// Whether there is a file FOLDER/SHARD.h5 for each shard, made without communication. Other stages work on all
  /// shards, for each number of clusters.
  bool is_by_shard;
  /// The datasets of a shard that follow each other in the virtual file; null: none. A shard may lack one, but then so
  /// do all.
  std::array<const char*, most_datasets_of_shard> datasets = {};
  /// Whether a shard has /offset, the rows of its images.
  bool has_offset = false;
  /// Whether its files are kept; null: always.
  bool (StorageConfig::*keeps)() const = nullptr;
  std::array<std::optional<OutsideInput>, 3> outside = {};
};

/// Every stage, in the order of the data flow.
inline constexpr std::array stage_files = {
    StageFiles{.stage = Stage::extract,
               .folder = "keys",
               .code_version = 3,
               .input = std::nullopt,
               .is_by_shard = true,
               .datasets = {"keys", "cls", "image", "valid"},
               .keeps = &StorageConfig::keeps_embeddings,
               .outside = {OutsideInput::images, OutsideInput::weights, OutsideInput::backend}},
    StageFiles{.stage = Stage::segment,
               .folder = "segments",
               .code_version = 1,
               .input = Stage::extract,
               .is_by_shard = true,
               .datasets = {"segment", "community", "image", "box", "size"},
               .has_offset = true,
               .outside = {OutsideInput::dataset_mean}},
    StageFiles{.stage = Stage::describe,
               .folder = "descriptors",
               .code_version = 4,
               .input = Stage::segment,
               .is_by_shard = true,
               .datasets = {"descriptor", "image", "segment"},
               .outside = {OutsideInput::descriptor_weights}},
    StageFiles{.stage = Stage::cluster,
               .folder = "clusters",
               .code_version = 6,
               .input = Stage::describe,
               .is_by_shard = false,
               .outside = {OutsideInput::centroids}},
    StageFiles{
        .stage = Stage::mask, .folder = "masks", .code_version = 4, .input = Stage::cluster, .is_by_shard = false},
    StageFiles{
        .stage = Stage::evaluate, .folder = "scores", .code_version = 3, .input = Stage::mask, .is_by_shard = false},
};

namespace detail {
constexpr bool is_in_order_of_stages() {
  for (std::size_t i = 0; i < stage_files.size(); ++i) {
    if (stage_files[i].stage != all_stages[i]) return false;
  }
  return stage_files.size() == all_stages.size();
}
}  // namespace detail
static_assert(detail::is_in_order_of_stages(), "stage_files has a row for each stage, in the order of all_stages");

[[nodiscard]] constexpr const StageFiles& files_of(Stage stage) {
  return stage_files[static_cast<std::size_t>(stage)];
}

/// The stages that work shard by shard.
inline constexpr StageSet shard_stages = [] {
  StageSet stages;
  for (const StageFiles& files : stage_files) stages.set(files.stage, files.is_by_shard);
  return stages;
}();

/// Whether a stage's files are kept, or computed again where they are needed.
[[nodiscard]] constexpr bool keeps_files(const StorageConfig& storage, Stage stage) {
  const auto keeps = files_of(stage).keeps;
  return keeps == nullptr || (storage.*keeps)();
}

}  // namespace datus
