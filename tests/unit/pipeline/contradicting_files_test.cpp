// SPDX-License-Identifier: Apache-2.0
// Files that are undamaged, but whose parts do not fit each other: a writer that was wrong, or somebody else's file.

#include "datus/comm/self_communicator.hpp"
#include "datus/io/hdf5.hpp"
#include "pipeline/files/cluster_checkpoint.hpp"
#include "pipeline/files/cluster_files.hpp"
#include "pipeline/files/descriptors_file.hpp"
#include "pipeline/files/keys_file.hpp"
#include "pipeline/files/keys_reader.hpp"
#include "pipeline/files/segments_file.hpp"
#include "shard_samples.hpp"
#include "support/errors.hpp"
#include "support/temp_folder.hpp"

#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace contradicting_files_test {

namespace fs = std::filesystem;

struct WrongSegments {
  const char* message;
  std::function<void(SegmentsFile&)> change;
};

TEST(ContradictingFiles, SegmentsAreRefused) {
  const TempFolder folder;
  const auto path = folder / "wrong.h5";
  const StageProvenance record = sample_record("segment").of_shard({3});
  const std::vector<WrongSegments> wrong = {
      {"/offset does not begin at 0", [](SegmentsFile& file) { file.offset.front() = 1; }},
      {"/offset falls from 4 to 1 in row 3",
       [](SegmentsFile& file) {
         file.offset = {0, 1, 4, 1, 7};
       }},
      {"/offset ends at 8, /size has 7 rows", [](SegmentsFile& file) { file.offset.back() = 8; }},
      {"/offset has the shape [4], not [5]",
       [](SegmentsFile& file) {
         file.offset.pop_back();
         file.offset.back() = 7;
         file.segment.resize(60);
         file.community.resize(60);
       }},
      {"row 2 of /box is not on the patch grid", [](SegmentsFile& file) { file.box[2].row = -1; }},
      {"row 2 of /box is not on the patch grid", [](SegmentsFile& file) { file.box[2].col = 1; }},
      {"row 2 of /box is not on the patch grid", [](SegmentsFile& file) { file.box[2].rows = 0; }},
      {"row 2 of /box is not on the patch grid", [](SegmentsFile& file) { file.box[2].rows = 32767; }},
      {"/size of segment 3 is 0", [](SegmentsFile& file) { file.size[3] = 0; }},
      {"/size of segment 3 is 6, its box has 5", [](SegmentsFile& file) { file.size[3] = 6; }},
      {"/segment of image 0 names segment 1,", [](SegmentsFile& file) { file.segment[19] = 1; }},
      {"/segment of image 1 names segment -2,", [](SegmentsFile& file) { file.segment[20] = -2; }},
      {"/community of image 3 names community 20", [](SegmentsFile& file) { file.community[79] = 20; }},
      {"/image holds 192 in row 1", [](SegmentsFile& file) { file.images.image[1] = 192; }},
      {"/image holds -1 in row 0", [](SegmentsFile& file) { file.images.image[0] = -1; }},
      {"/unreadable holds 5 in row 1",
       [](SegmentsFile& file) {
         file.images.unreadable = {6, 5};
       }},
      {"image 194 is in /image and in /unreadable",
       [](SegmentsFile& file) {
         file.images.unreadable = {7, 194};
       }},
      {"/image has the shape [3], not [4]", [](SegmentsFile& file) { file.images.image.pop_back(); }},
      {"/image has the shape [0], not [4]", [](SegmentsFile& file) { file.images.image.clear(); }},
  };
  for (const WrongSegments& one : wrong) {
    SegmentsFile file = sample_segments(4, 3);
    one.change(file);
    if (std::string_view(one.message).starts_with("/offset has")) {
      // The writer takes the number of images from the offsets, so this one is written by hand.
      Hdf5Writer writer(path);
      writer.write<std::int16_t>("segment", sample_segments(4, 3).segment, {4, 4, 5});
      writer.write<std::int64_t>("offset", file.offset, {4});
      writer.write<std::int16_t>("box", std::vector<std::int16_t>(28, 1), {7, 4});
      writer.write<std::int32_t>("size", file.size, {7});
      writer.write<std::int64_t>("image", file.images.image, {4});
      writer.write<std::int64_t>("unreadable", {}, {0});
      write_provenance(writer, record);
      writer.close();
    } else {
      write_segments(path, file, record);
    }
    expect_error<InputError>([&] { (void)read_segments(path, record); }, {"wrong.h5", one.message});
  }
}

/// A keys file of 2 images with 3 x 4 patches of 6 values, from which one thing differs.
struct HandMadeKeys {
  Shape keys = {2, 12, 6};
  Shape cls = {2, 6};
  Shape valid = {2, 12};
  std::vector<std::int64_t> image = {5, 6};
  std::int64_t rows = 3;
  std::int64_t patch = 8;

  void write(const fs::path& path) const {
    Hdf5Writer writer(path);
    writer.write<float>("keys", sample_values(element_count(keys), 0), keys);
    writer.write<float>("cls", sample_values(element_count(cls), 0), cls);
    const std::vector<std::uint8_t> all(static_cast<std::size_t>(element_count(valid)), 1);
    writer.write<std::uint8_t>("valid", all, valid);
    writer.write<std::int64_t>("image", image, {std::ssize(image)});
    writer.write<std::int64_t>("unreadable", {}, {0});
    writer.attribute("/", "rows", rows);
    writer.attribute("/", "cols", 4);
    writer.attribute("/", "patch", patch);
    writer.close();
  }
};

TEST(ContradictingFiles, KeysAreRefused) {
  const TempFolder folder;
  const auto path = folder / "wrong.h5";
  HandMadeKeys{}.write(path);
  EXPECT_EQ(read_keys(path, std::nullopt).size(), 2);
  const auto refused = [&](const std::string& message, const HandMadeKeys& keys) {
    keys.write(path);
    expect_error<InputError>([&] { (void)read_keys(path, std::nullopt); }, {"wrong.h5", message});
  };
  refused("/cls has the shape [1, 6], not [2, 6]", {.cls = {1, 6}});
  refused("/valid has the shape [3, 12], not [2, 12]", {.valid = {3, 12}});
  refused("/image has the shape [1], not [2]", {.image = {5}});
  refused("/image holds 5 in row 1", {.image = {5, 5}});
  refused("4x4 of", {.rows = 4});
  refused("its attribute rows is 0", {.rows = 0});
  refused("its attribute rows is 4294967299", {.rows = (std::int64_t{1} << 32) + 3});
  refused("its attribute patch is -1", {.patch = -1});
  refused("has values", {.keys = {2, 12, 0}, .cls = {2, 0}});
  refused("0 patches", {.keys = {2, 0, 6}, .valid = {2, 0}});
  HandMadeKeys{.valid = {3, 12}}.write(path);
  expect_error<InputError>([&] { KeysReader reader(path); }, {"wrong.h5", "/valid has the shape [3, 12]"});
}

TEST(ContradictingFiles, AssignmentsAreRefused) {
  const TempFolder folder;
  const StageProvenance record = sample_record("cluster");
  SelfCommunicator comm;
  const auto refused = [&](const std::string& message, const std::vector<std::int32_t>& labels,
                           const std::vector<std::int64_t>& offsets) {
    const std::vector<double> values = precise_values(12, 0);
    write_cluster_files(folder / "centroids.h5", folder / "assignment.h5", {.centroids = values, .k = 2, .dim = 6},
                        labels, offsets, record, {}, comm);
    expect_error<InputError>([&] { (void)read_assignment(folder / "assignment.h5", record); },
                             {"assignment.h5", message});
  };
  refused("/shard_offset does not begin at 0", {0, 1, 1}, {1, 3});
  refused("/shard_offset does not begin at 0", {0, 1, 1}, {});
  refused("/shard_offset falls from 2 to 1", {0, 1, 1}, {0, 2, 1, 3});
  refused("/shard_offset ends at 4, /assignment has 3 rows", {0, 1, 1}, {0, 4});
  refused("/assignment names cluster -1", {0, -1, 1}, {0, 3});
  expect_error<InputError>([&] { (void)read_assignment(folder / "assignment.h5", sample_record("cluster", "other")); },
                           {"is not of this run", "affinity.metric"});
}

TEST(ContradictingFiles, TheLargestClusterNumberIsRefused) {
  const TempFolder folder;
  Hdf5Writer writer(folder / "plain.h5");
  const std::vector<std::int32_t> labels{0, std::numeric_limits<std::int32_t>::max()};
  writer.write<std::int32_t>("assignment", labels, {2});
  writer.close();
  expect_error<InputError>([&] { (void)read_plain_assignment((folder / "plain.h5").string()); },
                           {"names cluster 2147483647"});
}

TEST(ContradictingFiles, ImageListsAreRefused) {
  const TempFolder folder;
  const auto path = folder / "images.h5";
  const ImageList list = sample_list(2, 0);
  const auto write = [&](std::int64_t shard_size, const Shape& size, std::int64_t sizes, const std::string& hash) {
    Hdf5Writer writer(path);
    writer.write_names("name", std::vector<std::string>{list.images[0].name, list.images[1].name});
    writer.write<std::int64_t>("bytes", std::vector<std::int64_t>(static_cast<std::size_t>(sizes), 1000), {sizes});
    writer.write<std::int32_t>("size", std::vector<std::int32_t>(static_cast<std::size_t>(element_count(size)), 9),
                               size);
    writer.attribute("/", "shard_size", shard_size);
    writer.attribute("/", "hash", hash);
    writer.close();
  };
  const std::string hash(32, '0');
  write(0, {2, 2}, 2, hash);
  expect_error<InputError>([&] { (void)read_image_list(path); }, {"images.h5", "its attribute shard_size is 0"});
  write(5, {2, 1}, 2, hash);
  expect_error<InputError>([&] { (void)read_image_list(path); }, {"/size has the shape [2, 1]"});
  write(5, {1, 2}, 2, hash);
  expect_error<InputError>([&] { (void)read_image_list(path); }, {"/size has the shape [1, 2]"});
  write(5, {2, 2}, 1, hash);
  expect_error<InputError>([&] { (void)read_image_list(path); }, {"/bytes has the shape [1]"});
  write(5, {2, 2}, 2, hash);
  expect_error<InputError>([&] { (void)read_image_list(path); }, {"its attribute hash is not that of its images"});
  { Hdf5Writer unfinished(path); }
  expect_error<InputError>([&] { (void)read_image_list(path); }, {"images.h5 is not complete"});
}

TEST(ContradictingFiles, ACheckpointIsNotUsed) {
  const TempFolder folder;
  SelfCommunicator comm;
  const ClusterCheckpoint checkpoint(folder / "checkpoint.h5", {}, comm);
  EXPECT_EQ(checkpoint.read(), std::nullopt);
  const KMeansState state = sample_state(0, 6);
  checkpoint.save(state, 6);
  EXPECT_EQ(checkpoint.read(), state);
  KMeansState wrong = state;
  wrong.pairs[1].clusters = 0;
  checkpoint.save(wrong, 6);
  EXPECT_EQ(checkpoint.read(), std::nullopt);
  fs::remove(folder / "checkpoint.h5");
  fs::create_directory(folder / "checkpoint.h5");
  EXPECT_EQ(checkpoint.read(), std::nullopt);
}

}  // namespace contradicting_files_test
}  // namespace datus::test
