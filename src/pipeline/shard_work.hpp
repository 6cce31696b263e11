#pragma once

#include "datus/pipeline/backbone.hpp"
#include "datus/pipeline/run_summary.hpp"
#include "pipeline/shard_inputs.hpp"

#include <array>
#include <mutex>
#include <optional>

namespace datus {

/// The models in use, loaded when something is to be done with them.
struct Models {
  std::optional<Backbone> backbone;
  std::optional<Backbone> descriptor;  ///< only with descriptor.weights
  std::optional<InputPreparation> preparation;
};

/// Loads them; each of their batches first asks whether the shard must be given up.
[[nodiscard]] Models load_models(const RunContext& run);

/// What the stages made of one shard. It is written while the next one is computed.
struct ShardProducts {
  ShardIndex shard;
  StaleFiles stale;  ///< which of them are to be written
  std::optional<KeysFile> keys;
  std::optional<SegmentsFile> segments;
  std::optional<DescriptorsFile> descriptors;
};

/// What this rank has done so far, stage by stage. From any thread.
class ShardTally {
 public:
  void add_computed(Stage stage, const StageWork& work);
  void add_bytes(Stage stage, std::int64_t bytes);
  /// extract, segment, describe.
  [[nodiscard]] std::array<StageWork, 3> works() const;

 private:
  mutable std::mutex mutex_;
  std::array<StageWork, 3> works_;
};

/// Computes what is stale of a shard, and what that takes of the stages before it. Logs each stage. Throws `InputError`
/// naming image or file, and `InterruptedError` when the shard is given up.
[[nodiscard]] ShardProducts compute_shard(RunContext& run, const Models& models, ShardIndex shard, StaleFiles stale,
                                          ShardInputs inputs, ShardTally& tally);

/// Writes the stale ones in the order of the data flow, each atomically. Logs each file.
void write_products(RunContext& run, const ShardProducts& products, ShardTally& tally);

}  // namespace datus
