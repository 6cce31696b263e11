// SPDX-License-Identifier: Apache-2.0
#pragma once

// Small files of every kind that a run keeps, with contents that differ from shard to shard.

#include "datus/algo/kmeans_state.hpp"
#include "datus/core/names.hpp"
#include "datus/io/hdf5_reader.hpp"
#include "pipeline/files/descriptors_file.hpp"
#include "pipeline/files/image_keys.hpp"
#include "pipeline/files/image_list.hpp"
#include "pipeline/files/keys_file.hpp"
#include "pipeline/files/segments_file.hpp"
#include "pipeline/files/verified_file.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace datus::test {

/// A record with as many parts as a real one. `note` makes it as long as wanted.
inline StageProvenance sample_record(const std::string& stage, const std::string& note = "dot") {
  StageProvenance record;
  record.stage = stage;
  record.parts = {{"code", "1"},
                  {"settings", "model.input_size: 224\nmodel.resize: squash\naffinity.metric: " + note + "\n"},
                  {"images", "00112233445566778899aabbccddeeff"},
                  {"weights", "ffeeddccbbaa99887766554433221100"},
                  {"backend", "cpu AVX2, LibTorch 1.13.1, OpenBLAS, float32, batch 32"}};
  return record;
}

/// Eighths between -8 and 8, which float16 holds exactly; zeros are among them.
inline std::vector<float> sample_values(std::int64_t count, int shard) {
  std::vector<float> values;
  auto state = static_cast<std::uint32_t>(shard) * 7919U + 17U;
  for (std::int64_t i = 0; i < count; ++i) {
    state = state * 1664525U + 1013904223U;
    values.push_back(static_cast<float>(static_cast<int>(state >> 25U) - 64) / 8.0F);
  }
  return values;
}

/// Values that f32 does not hold.
inline std::vector<double> precise_values(std::int64_t count, int shard) {
  std::vector<double> values;
  for (const float value : sample_values(count, shard)) values.push_back(static_cast<double>(value) / 3.0);
  return values;
}

/// Images of a shard of `count` and one more, which is unreadable.
inline ImageKeys sample_images(int count, int shard) {
  ImageKeys images;
  for (int i = 0; i < count; ++i) images.image.push_back(shard * 64 + (i < 1 ? i : i + 1));
  images.unreadable = {shard * 64 + 1};
  for (const std::int64_t image : images.image) images.content.push_back(zero_padded(image, 32));
  images.listed = zero_padded(shard, 32);
  return images;
}

inline ImageKeys sample_names(int count) {
  ImageKeys images;
  for (int i = 0; i < count; ++i) images.name.push_back("folder/image" + std::to_string(100 + i) + ".png");
  return images;
}

inline KeysFile sample_keys(int count, int shard, bool padded, KeyType type = KeyType::float16) {
  KeysFile file;
  file.images = sample_images(count, shard);
  file.grid = {3, 4};
  file.patch = 8;
  file.dim = 6;
  file.cls_dim = 6;
  file.keys = KeyValues(sample_values(std::int64_t{count} * file.grid.patches() * file.dim, shard), type);
  file.cls = sample_values(std::int64_t{count} * file.dim, shard + 1000);
  if (padded) {
    for (int i = 0; i < count * file.grid.patches(); ++i) file.valid.push_back((i + shard) % 5 == 0 ? 0 : 1);
  }
  return file;
}

/// Image i has i % 3 + 1 segments, each one row of the grid.
inline SegmentsFile sample_segments(int count, int shard) {
  SegmentsFile file;
  file.images = sample_images(count, shard);
  file.grid = {4, 5};
  file.patch = 8;
  for (int image = 0; image < count; ++image) {
    const int segments = (image + shard) % 3 + 1;
    for (int row = 0; row < file.grid.rows; ++row) {
      const int id = row < segments ? row : -1;
      file.segment.insert(file.segment.end(), static_cast<std::size_t>(file.grid.cols), static_cast<std::int16_t>(id));
      file.community.insert(file.community.end(), static_cast<std::size_t>(file.grid.cols),
                            static_cast<std::int16_t>(row));
      if (id < 0) continue;
      file.box.push_back({static_cast<std::int16_t>(row), 0, 1, static_cast<std::int16_t>(file.grid.cols)});
      file.size.push_back(file.grid.cols);
    }
    file.offset.push_back(static_cast<std::int64_t>(file.size.size()));
  }
  return file;
}

/// Two segments of each image.
inline DescriptorsFile sample_descriptors(int count, int shard, int dim) {
  DescriptorsFile file;
  file.dim = dim;
  for (const std::int64_t image : sample_images(count, shard).image) {
    file.image.insert(file.image.end(), 2, image);
    file.segment.insert(file.segment.end(), {0, 1});
  }
  file.descriptor = sample_values(static_cast<std::int64_t>(file.image.size()) * dim, shard);
  return file;
}

/// As a finished file has them: no stage reads them back so, but for the rows of k-means.
inline DescriptorsFile descriptors_in(const std::filesystem::path& path, const std::optional<StageProvenance>& wanted) {
  const Hdf5Reader reader = open_verified(path, wanted);
  DescriptorsFile file;
  file.dim = static_cast<int>(reader.shape("descriptor", 2)[1]);
  file.descriptor = reader.read<float>("descriptor");
  file.image = reader.read<std::int64_t>("image");
  file.segment = reader.read<std::int32_t>("segment");
  return file;
}

inline ImageList sample_list(int count, int shard) {
  ImageList list;
  list.shard_size = 5;
  for (int i = 0; i < count; ++i) {
    const std::string name = "folder/image" + std::to_string(1000 * shard + 100 + i);
    list.images.push_back({name + ".jpg", 1000 + i, 640 + i, 480, FileSign{7000 + i, -i}});
  }
  return list;
}

inline KMeansState sample_state(int shard, int dim) {
  KMeansState state{"rows 00ff00ff" + std::to_string(shard), "version 1, D 6, init 0", {}};
  for (int restart = 0; restart < 3; ++restart) {
    KMeansPair pair;
    pair.clusters = 5;
    pair.restart = restart;
    pair.phase = static_cast<KMeansPhase>(restart + 1);
    pair.centroids = precise_values(5 * dim, shard + restart);
    if (restart == 0) pair.previous = precise_values(5 * dim, shard + 50);
    pair.precise = restart == 1;
    pair.precise_since = restart;
    pair.inertia = {12.5 + shard, 10.25, 9.0};
    pair.final_inertia = 9.0;
    pair.converged = restart == 2;
    pair.mini_batch = {{1, 2, 3, 4, 5 + shard}, 7, 0.5, 0.25, 1};
    state.pairs.push_back(pair);
  }
  return state;
}

}  // namespace datus::test
