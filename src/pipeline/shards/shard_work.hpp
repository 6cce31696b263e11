// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline/backbone/backbone.hpp"
#include "pipeline/files/descriptors_file.hpp"
#include "pipeline/files/keys_file.hpp"
#include "pipeline/files/segments_file.hpp"
#include "pipeline/files/stage_files.hpp"
#include "pipeline/session/progress.hpp"
#include "pipeline/session/run_summary.hpp"
#include "pipeline/shards/batch_fill.hpp"
#include "pipeline/shards/shard_inputs.hpp"
#include "pipeline/stages/segment_gpu.hpp"
#include "pipeline/stages/smoothing_gpu.hpp"

#include <array>
#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace datus {

/// The models in use, loaded when something is to be done with them, and what else lies on the GPU beside them.
struct Models {
  std::optional<Backbone> backbone;
  std::optional<Backbone> descriptor;  ///< only with descriptor.weights
  std::optional<InputPreparation> preparation;
  // Where this rank has a GPU; without a model too.
  std::unique_ptr<SegmentGpu> graphs;       ///< makes graphs, and keeps embeddings there
  std::unique_ptr<SmoothingGpu> smoothing;  ///< smoothes embeddings, where they are smoothed
};

/// What makes graphs and smoothes embeddings, and no model.
[[nodiscard]] Models without_model(const RunContext& run);

/// A shard's embeddings on the GPU, of the largest shard.
[[nodiscard]] GpuKeys::Shape shape_on_gpu(const RunContext& run, const Models& models);

[[nodiscard]] Models load_models(const RunContext& run);

/// What the stages made of one shard. It is written while the next one is computed.
struct ShardProducts {
  ShardIndex shard;
  StageSet stale;  ///< the stages whose files are to be written
  std::optional<KeysFile> keys;
  std::optional<SegmentsFile> segments;
  std::optional<DescriptorsFile> descriptors;
};

/// What this rank has done so far, stage by stage. From any thread.
class ShardTally {
 public:
  void add_computed(Stage stage, const StageWork& work);
  void add_bytes(Stage stage, std::int64_t bytes);
  void add_crop_batch(std::size_t crops);
  /// Of a GPU.
  [[nodiscard]] CropBatchCounts crop_batches() const;
  /// By stage; of those that do not work by shards, nothing.
  [[nodiscard]] std::array<StageWork, all_stages.size()> works() const;

 private:
  mutable std::mutex mutex_;
  std::array<StageWork, all_stages.size()> works_;
  CropBatchCounts crop_batches_;
};

/// From now on each of their batches first asks whether the shard must be given up, and tells `progress`, and `tally`
/// of its crops: both must live as long as they are used.
void ask_at_each_batch(const RunContext& run, Models& models, Progress& progress, ShardTally& tally);

/// One shard on its way through the stages: what is stale of it is computed, and what that takes of the stages before.
/// Logs each stage. The steps are taken in their order, each once; a GPU works on between the beginning and the end of
/// one, and other shards' steps may come there. All functions throw `InputError` naming image or file, and
/// `InterruptedError` when the shard is given up. They may run on different threads, one after the other.
class ShardWork {
 public:
  ShardWork(const RunContext& run, const Models& models, ShardIndex shard, StageSet stale, ShardInputs inputs,
            ShardTally& tally, Progress& progress);

  /// Begins the embeddings of shards whose images share a batch (`shards_in_batch`), by number.
  static void begin_extract(std::span<ShardWork* const> together);
  void end_extract();
  void segment();
  void begin_describe();
  void end_describe();
  /// What the stages made.
  [[nodiscard]] ShardProducts take() { return std::move(products_); }
  [[nodiscard]] ShardIndex shard() const { return products_.shard; }

 private:
  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] bool needs_keys() const;
  /// Memory for the embeddings there, where graphs or descriptors are made of what the model leaves; null elsewhere.
  [[nodiscard]] std::byte* place_on_gpu();
  const SegmentsFile& segments();
  void describe();
  void require_same_images(const SegmentsFile& found) const;
  /// What each stale stage is of the shard's images: together they are all of them.
  [[nodiscard]] double images_of_stage() const;
  void report(Stage stage, double seconds, std::int64_t images, std::int64_t segments);

  const RunContext& run_;
  const Models& models_;
  ShardInputs inputs_;
  ShardTally& tally_;
  Progress& progress_;
  ShardProducts products_;
  /// While the model is at them, and what they took this thread so far.
  std::future<KeysFile> keys_under_way_;
  std::optional<GpuKeys> keys_on_gpu_;  ///< until the shard is described
  std::future<DescriptorsFile> descriptors_under_way_;
  double extract_seconds_ = 0;
  double describe_seconds_ = 0;
};

/// A file of a shard that is there now.
struct WrittenFile {
  ShardIndex shard;
  Stage stage = Stage::extract;
  std::int64_t bytes = 0;
  double seconds = 0;  ///< that it took
};

/// Writes the stale ones in the order of the data flow, each atomically. From any thread.
[[nodiscard]] std::vector<WrittenFile> write_products(const RunContext& run, const ShardProducts& products);
/// Counts and logs them.
void report_written(const RunContext& run, const std::vector<WrittenFile>& files, ShardTally& tally);

}  // namespace datus
