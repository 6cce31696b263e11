// SPDX-License-Identifier: Apache-2.0
#include "pipeline/pending/run_size.hpp"

#include "datus/comm/self_communicator.hpp"
#include "datus/core/error.hpp"
#include "datus/core/names.hpp"
#include "datus/io/disk_space.hpp"
#include "datus/io/mask_file.hpp"
#include "pipeline/files/cluster_files.hpp"
#include "pipeline/files/descriptors_file.hpp"
#include "pipeline/files/image_keys.hpp"
#include "pipeline/files/keys_file.hpp"
#include "pipeline/files/mask_store.hpp"
#include "pipeline/files/segments_file.hpp"
#include "support/temp_folder.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

// The truth for an estimate are files: they are written as a run writes them, and measured.
namespace datus::test {
namespace run_size_test {

namespace fs = std::filesystem;

ImageList list_of(int images, int shard_size, int width = 640, int height = 480) {
  ImageList list;
  list.shard_size = shard_size;
  for (int i = 0; i < images; ++i) list.images.push_back({zero_padded(i, 12) + ".jpg", 100'000, width, height});
  return list;
}

/// What the files of a run record; the texts are as long as real ones.
StageProvenance record_of(const Config& config, Stage stage, std::int64_t shard) {
  RunInputs inputs;
  inputs.weights = Hash{1, 2};
  inputs.backend = "cpu, AVX2, LibTorch 1.13.1, BLAS OpenBLAS 0.3.21, float32, batch 32";
  return Provenance(config, inputs).of(stage).of_shard({shard});
}

/// Writes the shards of a stage as `write(path, images, record)` does, images that cannot be read left out, and returns
/// the bytes of all files.
template <class Write>
std::int64_t bytes_of_shards(const Config& config, const ImageList& list, Stage stage, const Write& write) {
  const TempFolder folder;
  std::int64_t bytes = 0;
  for (std::int64_t shard = 0; shard < list.shards(); ++shard) {
    ImageKeys images;
    const auto [begin, end] = list.range({shard});
    for (std::int64_t i = begin; i < end; ++i) {
      const bool readable = list.images[static_cast<std::size_t>(i)].width > 0;
      (readable ? images.image : images.unreadable).push_back(i);
      if (readable) images.content.push_back(zero_padded(i, 32));
    }
    images.listed = list.hash_of({shard}).hex();
    const fs::path path = folder / (std::to_string(shard) + ".h5");
    write(path, images, record_of(config, stage, shard));
    bytes += static_cast<std::int64_t>(fs::file_size(path));
  }
  return bytes;
}

std::int64_t bytes_of_keys(const Config& config, const ImageList& list, GridSize grid, int dim) {
  const bool half = config.storage.embeddings == StorageConfig::Embeddings::float16;
  return bytes_of_shards(config, list, Stage::extract, [&](const fs::path& path, ImageKeys images, const auto& record) {
    KeysFile file;
    const std::size_t count = images.image.size();
    const auto patches = static_cast<std::size_t>(grid.patches());
    file.images = std::move(images);
    file.grid = grid;
    file.patch = 16;
    file.dim = dim;
    file.cls_dim = dim;
    file.keys = KeyValues(std::vector<float>(count * patches * static_cast<std::size_t>(dim), 0.5F),
                          half ? KeyType::float16 : KeyType::float32);
    file.cls.assign(count * static_cast<std::size_t>(dim), 0.5F);
    if (config.model.resize == ModelConfig::Resize::pad) file.valid.assign(count * patches, 1);
    write_keys(path, file, record);
  });
}

std::int64_t bytes_of_segments(const Config& config, const ImageList& list, GridSize grid, int per_image) {
  return bytes_of_shards(config, list, Stage::segment, [&](const fs::path& path, ImageKeys images, const auto& record) {
    SegmentsFile file;
    file.images = std::move(images);
    file.grid = grid;
    file.patch = 16;
    file.segment.assign(file.images.image.size() * static_cast<std::size_t>(grid.patches()), -1);
    file.community = file.segment;
    for (std::size_t i = 0; i < file.images.image.size(); ++i) {
      file.box.insert(file.box.end(), static_cast<std::size_t>(per_image), PatchBox{0, 0, 1, 1});
      file.size.insert(file.size.end(), static_cast<std::size_t>(per_image), 1);
      file.offset.push_back(std::ssize(file.size));
    }
    write_segments(path, file, record);
  });
}

std::int64_t bytes_of_descriptors(const Config& config, const ImageList& list, int dim, int per_image) {
  return bytes_of_shards(config, list, Stage::describe,
                         [&](const fs::path& path, ImageKeys images, const auto& record) {
                           DescriptorsFile file;
                           file.dim = dim;
                           for (const std::int64_t image : images.image) {
                             for (int segment = 0; segment < per_image; ++segment) {
                               file.image.push_back(image);
                               file.segment.push_back(segment);
                             }
                           }
                           file.descriptor.assign(file.image.size() * static_cast<std::size_t>(dim), 0.5F);
                           file.images = std::move(images);
                           write_descriptors(path, file, record);
                         });
}

/// Within `percent` of the bytes on disk.
void expect_near(std::int64_t estimate, std::int64_t real, double percent) {
  EXPECT_NEAR(static_cast<double>(estimate), static_cast<double>(real), static_cast<double>(real) * percent / 100);
}

/// A little high: at least the bytes on disk, at most `factor` times as much.
void expect_safe(std::int64_t estimate, std::int64_t real, std::int64_t factor) {
  EXPECT_GE(estimate, real);
  EXPECT_LE(estimate, real * factor);
}

struct KeysCase {
  int images;
  int shard_size;
  GridSize grid;
  int dim;
  StorageConfig::Embeddings type = StorageConfig::Embeddings::float16;
};

TEST(RunSize, KeysAreExactWithinOnePercent) {
  using enum StorageConfig::Embeddings;
  const std::vector<KeysCase> cases = {
      {64, 64, {14, 14}, 384}, {65, 64, {14, 14}, 384},  {9, 4, {28, 28}, 192, float32},
      {2, 1, {28, 28}, 768},   {300, 300, {14, 14}, 64}, {1100, 1100, {4, 4}, 96, float32},
      {700, 512, {7, 7}, 384}, {700, 700, {2, 2}, 768},  {20, 8, {32, 20}, 384},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(std::to_string(one.images) + " images of " + std::to_string(one.grid.patches()) + " patches");
    Config config;
    config.storage.embeddings = one.type;
    const ImageList list = list_of(one.images, one.shard_size);
    expect_near(estimate_run_size(config, list, one.grid, one.dim, one.dim).keys,
                bytes_of_keys(config, list, one.grid, one.dim), 1);
  }
}

TEST(RunSize, PaddingIsStoredWithTheKeys) {
  Config config;
  config.model.resize = ModelConfig::Resize::pad;
  const ImageList list = list_of(40, 16);
  const GridSize grid{20, 20};
  expect_near(estimate_run_size(config, list, grid, 8, 8).keys, bytes_of_keys(config, list, grid, 8), 2);
}

TEST(RunSize, KeysThatAreNotKeptTakeNothing) {
  Config config;
  config.storage.embeddings = StorageConfig::Embeddings::none;
  const RunSize size = estimate_run_size(config, list_of(100, 64), {28, 28}, 384, 384);
  EXPECT_EQ(size.keys, 0);
  EXPECT_GT(size.descriptors, 0);
}

TEST(RunSize, AnImageThatCannotBeReadTakesNothing) {
  const Config config;
  ImageList list = list_of(24, 8);
  for (const std::size_t i : {0U, 9U, 10U, 11U, 12U, 13U, 14U, 15U, 8U})
    list.images[i].width = list.images[i].height = 0;
  const GridSize grid{14, 14};
  const RunSize size = estimate_run_size(config, list, grid, 384, 384);
  expect_near(size.keys, bytes_of_keys(config, list, grid, 384), 1);
  EXPECT_LT(size.masks, estimate_run_size(config, list_of(24, 8), grid, 384, 384).masks * 2 / 3);
}

TEST(RunSize, OfNoImages) {
  const RunSize size = estimate_run_size(Config{}, list_of(0, 64), {28, 28}, 384, 384);
  EXPECT_EQ(size.keys, 0);
  EXPECT_EQ(size.masks, 0);
  ImageList list = list_of(3, 64);
  for (auto& image : list.images) image.width = image.height = 0;
  EXPECT_LT(estimate_run_size(Config{}, list, {28, 28}, 384, 384).keys, 10'000);
}

// Every patch is a segment: their number is known.
TEST(RunSize, SegmentsAndDescriptorsOfSinglePatches) {
  Config config;
  config.segment.method = SegmentConfig::Method::none;
  const GridSize grid{14, 14};
  for (const int images : {3, 64, 200}) {
    SCOPED_TRACE(images);
    const ImageList list = list_of(images, 64);
    const RunSize size = estimate_run_size(config, list, grid, 384, 64);
    const std::int64_t segments = bytes_of_segments(config, list, grid, grid.patches());
    expect_safe(size.segments, segments, 2);
    if (images >= 64) expect_near(size.segments, segments, 2);
    expect_near(size.descriptors, bytes_of_descriptors(config, list, 64, grid.patches()), 1);
  }
}

// What was counted in runs over photos: segments per image by grid, min_patches and resolution.
TEST(RunSize, AsManySegmentsAsPhotosHave) {
  struct Case {
    int side;
    int min_patches;
    double resolution;
    int per_image;  ///< rounded up
  };
  for (const Case& one : {Case{14, 5, 1.0, 3},
                          {28, 5, 1.0, 5},
                          {56, 5, 1.0, 6},
                          {28, 2, 1.5, 10},
                          {56, 2, 1.5, 16},
                          {14, 0, 1.5, 12},
                          {28, 0, 1.5, 21},
                          {56, 0, 1.5, 39},
                          {56, 10, 1.5, 9}}) {
    SCOPED_TRACE(std::to_string(one.side) + ", " + std::to_string(one.min_patches));
    Config config;
    config.segment.min_patches = one.min_patches;
    config.segment.resolution = one.resolution;
    const ImageList list = list_of(64, 64);
    const GridSize grid{one.side, one.side};
    const RunSize size = estimate_run_size(config, list, grid, 384, 384);
    expect_safe(size.segments, bytes_of_segments(config, list, grid, one.per_image), 2);
    expect_safe(size.descriptors, bytes_of_descriptors(config, list, 384, one.per_image), 6);
  }
}

TEST(RunSize, NoMoreSegmentsThanFit) {
  Config config;
  config.segment.min_patches = 7;  // at least 8 of 16 patches each
  const ImageList list = list_of(256, 64);
  expect_near(estimate_run_size(config, list, {4, 4}, 384, 384).descriptors, bytes_of_descriptors(config, list, 384, 2),
              1);
  config.segment.min_patches = 100;
  EXPECT_LT(estimate_run_size(config, list, {4, 4}, 384, 384).descriptors, 4 * 4096);
}

ClusterExamples examples_of(int clusters) {
  const auto rows_of = [&](int count) {
    const std::size_t size = static_cast<std::size_t>(clusters) * static_cast<std::size_t>(count);
    return ExampleRows{.count = count,
                       .row = std::vector<std::int64_t>(size, 7),
                       .distance = std::vector<double>(size, 0.5),
                       .image = std::vector<std::int64_t>(size, 3),
                       .segment = std::vector<std::int32_t>(size, 1)};
  };
  return {.nearest = rows_of(example_counts.nearest), .farthest = rows_of(example_counts.farthest)};
}

TEST(RunSize, ClustersOfEachK) {
  Config config;
  config.cluster.k = {6, 300};
  config.segment.method = SegmentConfig::Method::none;
  const ImageList list = list_of(100, 10);
  const std::int64_t rows = 100 * 196;
  const TempFolder folder;
  std::int64_t real = 0;
  for (const int k : config.cluster.k) {
    SelfCommunicator comm;
    const std::vector<double> centroids(static_cast<std::size_t>(k) * 384, 0.5);
    const std::vector<double> inertia(static_cast<std::size_t>(config.cluster.max_iterations), 1.0);
    const std::vector<std::int32_t> labels(static_cast<std::size_t>(rows), 1);
    std::vector<std::int64_t> offsets;
    for (int shard = 0; shard <= 10; ++shard) offsets.push_back(shard * 1960);
    const ExamplesOfK examples{.clusters = examples_of(k), .fine = std::nullopt};
    write_cluster_files(folder / "centroids.h5", folder / "assignment.h5",
                        {.centroids = centroids, .k = k, .dim = 384, .inertia = inertia, .examples = &examples}, labels,
                        offsets, record_of(config, Stage::cluster, 0), {}, comm);
    real += static_cast<std::int64_t>(fs::file_size(folder / "centroids.h5") + fs::file_size(folder / "assignment.h5"));
  }
  expect_safe(estimate_run_size(config, list, {14, 14}, 384, 384).clusters, real, 2);
}

/// Cells around points of a regular pattern, as segments have: outlines in all directions.
LabelMap cells(int height, int width, GridSize grid, int labels) {
  LabelMap map(height, width);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const int row = y * grid.rows / height;
      const int col = x * grid.cols / width;
      const int cell = (row + col / 3) / 7 * 31 + (col + row / 4) / 8;
      map.labels[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)] =
          cell % 5 == 0 ? no_label : cell % labels;
    }
  }
  return map;
}

struct MaskCase {
  int width;
  int height;
  GridSize grid;
  int k;
  MaskConfig::Resolution resolution = MaskConfig::Resolution::original;
};

const std::vector<MaskCase>& mask_cases() {
  using enum MaskConfig::Resolution;
  static const std::vector<MaskCase> cases = {{640, 480, {28, 28}, 27},       {640, 480, {14, 14}, 27},
                                              {500, 375, {28, 28}, 255},      {2048, 1024, {64, 64}, 27},
                                              {4000, 3000, {28, 28}, 27},     {640, 480, {28, 28}, 256},
                                              {640, 480, {28, 28}, 5000},     {2048, 1024, {64, 64}, 300},
                                              {640, 480, {28, 28}, 27, grid}, {4000, 3000, {28, 28}, 27, input}};
  return cases;
}

LabelMap mask_of(const MaskCase& one) {
  using enum MaskConfig::Resolution;
  const int height = one.resolution == grid ? one.grid.rows : one.resolution == input ? 224 : one.height;
  const int width = one.resolution == grid ? one.grid.cols : one.resolution == input ? 224 : one.width;
  return cells(height, width, one.grid, one.k);
}

Config config_of(const MaskCase& one) {
  Config config;
  config.cluster.k = {one.k};
  config.mask.resolution = one.resolution;
  return config;
}

std::string text_of(const MaskCase& one) {
  return std::to_string(one.width) + " pixels wide, K = " + std::to_string(one.k);
}

TEST(RunSize, MasksAreALittleHigh) {
  for (const MaskCase& one : mask_cases()) {
    SCOPED_TRACE(text_of(one));
    const LabelMap map = mask_of(one);
    const TempFolder folder;
    const Palette palette = distinct_palette(std::min(one.k, 1024));
    write_mask(folder / "mask.png", map, one.k, palette);
    auto real = static_cast<std::int64_t>(fs::file_size(folder / "mask.png"));
    if (one.k > 255) {
      write_mask_preview(folder / "preview.png", map, palette);
      real += static_cast<std::int64_t>(fs::file_size(folder / "preview.png"));
    }
    const RunSize size = estimate_run_size(config_of(one), list_of(10, 64, one.width, one.height), one.grid, 8, 8);
    expect_safe(size.masks / 10, real, 10);
  }
}

TEST(RunSize, PackedMasksAreALittleHigh) {
  SelfCommunicator comm;
  for (const MaskCase& one : mask_cases()) {
    for (const int shard_size : {1, 64}) {
      SCOPED_TRACE(text_of(one) + ", shards of " + std::to_string(shard_size));
      Config config = config_of(one);
      config.mask.formats = {MaskConfig::Format::hdf5};
      const ImageList list = list_of(3, shard_size, one.width, one.height);
      const LabelMap map = mask_of(one);
      const TempFolder folder;
      const auto store = make_mask_store(MaskConfig::Format::hdf5,
                                         {RunDirectory(folder.path()), list, Provenance(config, RunInputs())});
      for (std::int64_t shard = 0; shard < list.shards(); ++shard) {
        const auto [begin, end] = list.range({shard});
        std::vector<std::int64_t> images;
        for (std::int64_t i = begin; i < end; ++i) images.push_back(i);
        const auto writer = store->write(one.k, {shard}, images, {});
        for (std::size_t i = 0; i < images.size(); ++i) writer->add(i, map);
        writer->commit(1);
      }
      store->finish({one.k}, {}, comm);
      std::int64_t real = 0;
      for (const std::string& name : files_below(folder.path())) {
        real += static_cast<std::int64_t>(fs::file_size(folder / name));
      }
      expect_safe(estimate_run_size(config, list, one.grid, 8, 8).masks, real, 10);
    }
  }
}

TEST(RunSize, FilesAreCounted) {
  Config config;
  config.cluster.k = {20, 300};
  const ImageList list = list_of(100, 64);
  const std::int64_t images = 100;
  const std::int64_t shards = 2;
  // A mask each, for 300 clusters with a preview, and the records of the shards.
  EXPECT_EQ(count_run_files(config, list).masks, 3 * images + 2 * shards);
  config.mask.formats = {MaskConfig::Format::hdf5};
  EXPECT_EQ(count_run_files(config, list).masks, 2 * (shards + 1));
  const std::int64_t all = count_run_files(config, list).all;
  config.storage.embeddings = StorageConfig::Embeddings::none;
  EXPECT_EQ(count_run_files(config, list).all, all - shards);
}

TEST(RunSize, EachKHasItsMasks) {
  Config config;
  config.cluster.k = {20};
  const auto of_one = estimate_run_size(config, list_of(10, 4), {28, 28}, 384, 384);
  config.cluster.k = {20, 30, 40};
  const auto of_three = estimate_run_size(config, list_of(10, 4), {28, 28}, 384, 384);
  EXPECT_EQ(of_three.masks, 3 * of_one.masks);
  EXPECT_GT(of_three.clusters, 3 * of_one.clusters);
  EXPECT_EQ(of_three.keys, of_one.keys);
}

void write_size(const fs::path& path, std::size_t bytes) {
  write_bytes(path, std::string(bytes, 'x'));
}

TEST(PresentRunSize, EachFileCountsForItsStage) {
  const TempFolder folder;
  const RunDirectory run(folder / "run");
  write_size(run.keys({0}), 1);
  write_size(run.keys({7}), 2);
  write_size(run.segments({0}), 4);
  write_size(run.descriptors({0}), 8);
  write_size(run.centroids(6), 16);
  write_size(run.selection(), 32);
  write_size(run.masks(6) / "deep/er/image.png", 64);
  write_size(run.mask_record(6, {0}), 128);
  write_size(run.root() / "masks/k300-preview/image.png", 256);
  write_size(run.config(), 512);
  write_size(run.root() / "keys.h5", 1024);
  write_size(run.report(), 2048);
  write_size(run.root() / "scores/keys/segments/x", 4096);
  write_size(run.root() / "masks.txt", 8192);
  EXPECT_EQ(present_run_size(run), (RunSize{.keys = 3,
                                            .segments = 4,
                                            .descriptors = 8,
                                            .clusters = 48,
                                            .masks = 64 + 128 + 256,
                                            .other = 512 + 1024 + 2048 + 4096 + 8192}));
}

TEST(PresentRunSize, UnfinishedFilesDoNotCount) {
  const TempFolder folder;
  const RunDirectory run(folder.path());
  write_size(folder / "keys/.000000.h5.tmp-local.0.1-r0-77", 1000);
  write_size(folder / ".config.yaml.tmp--1", 1000);
  write_size(folder / "keys/000000.h5", 10);
  EXPECT_EQ(present_run_size(run), RunSize{.keys = 10});
}

TEST(PresentRunSize, AFolderThatIsNotThereHoldsNothing) {
  const TempFolder folder;
  EXPECT_EQ(present_run_size(RunDirectory(folder / "none/at/all")), RunSize{});
  EXPECT_FALSE(fs::exists(folder / "none"));
  EXPECT_EQ(present_run_size(RunDirectory(folder.path())), RunSize{});
}

// People put the large folder on another disk.
TEST(PresentRunSize, ALinkedFolderCounts) {
  const TempFolder folder;
  write_size(folder / "disk/000000.h5", 100);
  fs::create_directories(folder / "run");
  fs::create_directory_symlink(folder / "disk", folder / "run/keys");
  fs::create_directory_symlink(folder / "run", folder / "disk/back");  // a circle
  EXPECT_EQ(present_run_size(RunDirectory(folder / "run")), RunSize{.keys = 100});
}

TEST(PresentRunSize, AFileInPlaceOfTheFolderIsAnError) {
  const TempFolder folder;
  write_size(folder / "run", 5);
  EXPECT_THROW((void)present_run_size(RunDirectory(folder / "run")), SystemError);
}

TEST(RequiredBytes, APartThatIsLargerThanExpectedSavesNothingElsewhere) {
  const RunSize whole{.keys = 1000, .masks = 500};
  const RunSize present{.keys = 400, .segments = 9000, .masks = 700};
  EXPECT_EQ(bytes_to_write(whole, present), RunSize{.keys = 600});
  EXPECT_EQ(required_bytes(whole, present), 600 + 6 + (16 << 20));
}

TEST(RequiredBytes, NothingForARunThatIsThere) {
  const RunSize size{.keys = 1000, .other = 3};
  EXPECT_EQ(required_bytes(size, size), 0);
  EXPECT_EQ(required_bytes({}, size), 0);
}

constexpr std::int64_t far_too_much = std::int64_t{1} << 60;

TEST(RequireSpace, WhatFitsPasses) {
  const TempFolder folder;
  require_space({.keys = 1 << 20}, {}, RunDirectory(folder / "new/run"));
  EXPECT_FALSE(fs::exists(folder / "new"));
}

TEST(RequireSpace, WhatIsThereNeedsNoSpace) {
  const TempFolder folder;
  require_space({.keys = far_too_much}, {.keys = far_too_much}, RunDirectory(folder.path()));
}

void expect_refused(const RunSize& whole, const RunDirectory& run, const std::vector<std::string>& parts,
                    const std::vector<std::string>& not_said = {}) {
  try {
    require_space(whole, {}, run);
    ADD_FAILURE() << "it was not refused";
  } catch (const SystemError& error) {
    const std::string text = error.what();
    for (const auto& part : parts) EXPECT_NE(text.find(part), std::string::npos) << part << "\nis not in: " << text;
    for (const auto& part : not_said) EXPECT_EQ(text.find(part), std::string::npos) << part << "\nis in: " << text;
  }
}

TEST(RequireSpace, WhatDoesNotFitIsRefusedWithNumbersAndAdvice) {
  const TempFolder folder;
  const RunDirectory run(folder / "new/run");
  expect_refused({.keys = far_too_much, .masks = 7}, run,
                 {run.root().string(), "1059062 TiB more", "keys 1048576 TiB", "are free", "--run",
                  "storage.embeddings: none", "--force"});
  expect_refused({.keys = 1, .masks = far_too_much}, run, {"masks 1048576 TiB", "--force"});
  expect_refused({.masks = far_too_much}, run, {"masks 1048576 TiB"}, {"storage.embeddings"});
}

// A byte more than what is free, all but the margin.
TEST(RequireSpace, TheMarginCounts) {
  const TempFolder folder;
  const RunDirectory run(folder.path());
  const std::int64_t free = free_bytes(folder.path());
  expect_refused({.keys = free - 1}, run, {"keys"});
}

}  // namespace run_size_test
}  // namespace datus::test
