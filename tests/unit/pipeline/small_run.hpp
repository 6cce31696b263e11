// SPDX-License-Identifier: Apache-2.0
#pragma once

// A run directory with small files of every kind, made without a model.

#include "datus/core/names.hpp"
#include "pipeline/files/descriptors_file.hpp"
#include "pipeline/files/image_keys.hpp"
#include "pipeline/files/keys_file.hpp"
#include "pipeline/files/segments_file.hpp"
#include "pipeline/session/run_context.hpp"
#include "support/temp_folder.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace datus::test {

/// Images of two segments each, in shards of three; the last shard has one image.
class SmallRun {
 public:
  explicit SmallRun(int shards, Config config = {}) : config_(std::move(config)), directory_(folder_ / "run") {
    list_.shard_size = 3;
    const int images = shards == 0 ? 0 : 3 * shards - 2;
    for (int i = 0; i < images; ++i) list_.images.push_back({"photo" + zero_padded(i, 4) + ".jpg", 1000, 64, 48});
  }

  static constexpr GridSize grid{14, 14};
  static constexpr int dim = 64;

  [[nodiscard]] Config& config() { return config_; }
  [[nodiscard]] const RunDirectory& directory() const { return directory_; }
  [[nodiscard]] const ImageList& list() const { return list_; }

  /// What a stage gets, as it is with the settings of now.
  [[nodiscard]] RunContext context(Communicator& comm) const {
    return {.config = config_,
            .directory = directory_,
            .comm = comm,
            .dataset = nullptr,
            .list = list_,
            .provenance = provenance(),
            .fitted = {},
            .threads = 1,
            .job = {},
            .signals = {},
            .lock = {},
            .events = {}};
  }

  [[nodiscard]] Provenance provenance() const {
    RunInputs inputs;
    inputs.images = list_.hash();
    inputs.weights = Hash{1, 2};
    inputs.backend = "cpu";
    return {config_, inputs};
  }

  void make_all_shards() const {
    for (std::int64_t shard = 0; shard < list_.shards(); ++shard) {
      make_keys({shard});
      make_segments({shard});
      make_descriptors({shard});
    }
  }

  void make_keys(ShardIndex shard) const {
    KeysFile file;
    file.images = images_of(shard);
    file.grid = grid;
    file.patch = 16;
    file.dim = dim;
    file.cls_dim = dim;
    file.keys =
        KeyValues(std::vector<float>(file.images.image.size() * static_cast<std::size_t>(grid.patches() * dim), 0.5F),
                  KeyType::float16);
    file.cls.assign(file.images.image.size() * static_cast<std::size_t>(dim), 0.5F);
    std::filesystem::create_directories(directory_.root() / "keys");
    write_keys(directory_.keys(shard), file, record(Stage::extract, shard));
  }

  void make_segments(ShardIndex shard) const {
    SegmentsFile file;
    file.images = images_of(shard);
    file.grid = grid;
    file.patch = 16;
    const auto patches = static_cast<std::size_t>(grid.patches());
    for (std::size_t i = 0; i < file.images.image.size(); ++i) {
      for (std::size_t patch = 0; patch < patches; ++patch) file.segment.push_back(patch < patches / 2 ? 0 : 1);
      for (const std::int16_t row : {std::int16_t{0}, std::int16_t{7}}) {
        file.box.push_back({row, 0, 7, 14});
        file.size.push_back(98);
      }
      file.offset.push_back(std::ssize(file.size));
    }
    file.community = file.segment;
    std::filesystem::create_directories(directory_.root() / "segments");
    write_segments(directory_.segments(shard), file, record(Stage::segment, shard));
  }

  void make_descriptors(ShardIndex shard) const {
    DescriptorsFile file;
    file.dim = dim;
    for (const std::int64_t image : images_of(shard).image) {
      file.image.insert(file.image.end(), 2, image);
      file.segment.insert(file.segment.end(), {0, 1});
    }
    file.descriptor.assign(file.image.size() * static_cast<std::size_t>(dim), 0.125F);
    std::filesystem::create_directories(directory_.root() / "descriptors");
    write_descriptors(directory_.descriptors(shard), file, record(Stage::describe, shard));
  }

 private:
  [[nodiscard]] ImageKeys images_of(ShardIndex shard) const {
    ImageKeys images;
    const auto [begin, end] = list_.range(shard);
    for (std::int64_t image = begin; image < end; ++image) images.image.push_back(image);
    return images;
  }

  [[nodiscard]] StageProvenance record(Stage stage, ShardIndex shard) const {
    return provenance().of(stage).of_shard(shard);
  }

  TempFolder folder_;
  Config config_;
  RunDirectory directory_;
  ImageList list_;
};

}  // namespace datus::test
