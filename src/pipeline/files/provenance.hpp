// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"
#include "datus/core/hash.hpp"
#include "datus/core/types.hpp"
#include "datus/io/hdf5_reader.hpp"
#include "datus/io/hdf5_writer.hpp"
#include "pipeline/files/image_list.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace datus {

/// What one stage's files are made from. A file whose record is equal is used; any other is redone, never mixed in.
struct StageProvenance {
  std::string stage;
  /// Named parts: "code", "settings", "images", "weights", "input" and so on, as text. All of them are in the hash.
  std::map<std::string, std::string> parts;
  /// The shard that a file must be of, where it is one of a shard. Not in the hash, which is the stage's.
  std::optional<ShardIndex> shard = {};

  /// Of a stage that works by shards: the record of the stage before it; null for the first.
  std::shared_ptr<const StageProvenance> before = {};
  /// Of a stage that reads images: the hashes of each shard's; null where they are not known.
  std::shared_ptr<const std::vector<Hash>> images_of_shards = {};

  [[nodiscard]] Hash hash() const;
  /// The record of one shard, which is made from its own images alone: others may change without it.
  [[nodiscard]] StageProvenance of_shard(ShardIndex index) const;
};

/// Content hashes of what a run reads from outside its folder.
struct RunInputs {
  Hash images;  ///< of the whole list
  std::shared_ptr<const std::vector<Hash>> images_of_shards = {};
  std::optional<Hash> weights;             ///< model.weights
  std::optional<Hash> dataset_mean;        ///< of the embeddings; unset before they are all there
  std::optional<Hash> descriptor_weights;  ///< descriptor.weights, when it is a file of its own
  std::optional<Hash> centroids;           ///< given ones: cluster.centroids, or a fitted run's
  std::string backend;                     ///< device, instruction set, LibTorch, BLAS, precision, batch size

  void set_images(const ImageList& list);
};

/// The chain of records of a configuration: each stage contains the hash of the one before it, so that a change is seen
/// by every stage after it and by none before.
class Provenance {
 public:
  Provenance(const Config& config, RunInputs inputs);

  [[nodiscard]] StageProvenance of(Stage stage) const;
  /// The record of a stage for one number of clusters (cluster, mask, evaluate): other values of K do not matter to it.
  [[nodiscard]] StageProvenance of(Stage stage, int k) const;
  [[nodiscard]] const RunInputs& inputs() const { return inputs_; }

 private:
  Config config_;
  RunInputs inputs_;
};

/// Records a stage's provenance in the root attributes of a file: "provenance" (the hash), "provenance.PART", and
/// "shard" where it is of one.
void write_provenance(Hdf5Writer& writer, const StageProvenance& provenance);

/// Whether a file is complete, of this provenance and, where it must be of a shard, of that shard. By its records only.
[[nodiscard]] bool has_provenance(const Hdf5Reader& reader, const StageProvenance& wanted);

/// The parts that a file records; empty when it has none.
[[nodiscard]] std::map<std::string, std::string> recorded_parts(const Hdf5Reader& reader);

/// A phrase for people: which parts differ, down to the setting ("model.input_size: 224 became 448").
[[nodiscard]] std::string describe_difference(const std::map<std::string, std::string>& found,
                                              const StageProvenance& wanted);
/// The same for a file that `has_provenance` refuses; says so when it is of another shard.
[[nodiscard]] std::string describe_difference(const Hdf5Reader& reader, const StageProvenance& wanted);

}  // namespace datus
