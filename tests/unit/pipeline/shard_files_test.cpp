// SPDX-License-Identifier: Apache-2.0
#include "datus/io/hdf5.hpp"
#include "pipeline/files/descriptors_file.hpp"
#include "pipeline/files/image_keys.hpp"
#include "pipeline/files/keys_file.hpp"
#include "pipeline/files/segments_file.hpp"
#include "pipeline/files/verified_file.hpp"
#include "shard_samples.hpp"
#include "support/errors.hpp"
#include "support/temp_folder.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace datus::test {
namespace shard_files_test {

namespace fs = std::filesystem;

void expect_same_images(const ImageKeys& found, const ImageKeys& expected) {
  EXPECT_EQ(found.image, expected.image);
  EXPECT_EQ(found.name, expected.name);
  EXPECT_EQ(found.unreadable, expected.unreadable);
  EXPECT_EQ(found.content, expected.content);
  EXPECT_EQ(found.listed, expected.listed);
}

const StageProvenance segment_record = sample_record("segment").of_shard({3});

TEST(KeyValues, AreRoundedOnceAndWidenedExactly) {
  const std::vector<float> values = {0.1F, -1.0009F, 40'017.0F, 65'504.0F, 0.0F, 1.0F};
  const KeyValues halves(values, KeyType::float16);
  EXPECT_EQ(halves.type(), KeyType::float16);
  std::vector<float> room;
  const std::vector<float> rounded = {0.0999755859375F, -1.0009765625F, 40'032.0F, 65'504.0F, 0.0F, 1.0F};
  EXPECT_TRUE(std::ranges::equal(halves.floats(0, 6, room), rounded));
  EXPECT_TRUE(std::ranges::equal(halves.floats(1, 2, room), std::vector<float>{-1.0009765625F, 40'032.0F}));
  const KeyValues floats(values, KeyType::float32);
  EXPECT_EQ(floats.floats(2, 3, room).data(), floats.floats(0, 6, room).data() + 2) << "they lie there already";
  EXPECT_TRUE(std::ranges::equal(floats.floats(0, 6, room), values));
  EXPECT_FALSE(floats == halves);
  for (const KeyType type : {KeyType::float16, KeyType::float32}) {
    EXPECT_EQ(KeyValues(type).type(), type);
    EXPECT_TRUE(KeyValues(type).empty());
  }
}

TEST(ShardFiles, KeysComeBackAsWritten) {
  const TempFolder folder;
  const StageProvenance record = sample_record("extract").of_shard({2});
  for (const KeyType type : {KeyType::float16, KeyType::float32}) {
    for (const int count : {0, 1, 4}) {
      const KeysFile written = sample_keys(count, 2, type == KeyType::float16, type);
      write_keys(folder / "keys.h5", written, record);
      const KeysFile found = read_keys(folder / "keys.h5", record);
      EXPECT_EQ(found.keys, written.keys);
      EXPECT_EQ(found.cls_dim, written.cls_dim);
      EXPECT_EQ(found.cls, written.cls);
      EXPECT_EQ(found.valid, written.valid);
      EXPECT_EQ(found.grid, written.grid);
      EXPECT_EQ(found.dim, written.dim);
      EXPECT_EQ(found.patch, written.patch);
      EXPECT_EQ(found.size(), count);
      expect_same_images(found.images, written.images);
    }
  }
}

TEST(ShardFiles, SegmentsComeBackAsWritten) {
  const TempFolder folder;
  for (const int count : {0, 1, 4}) {
    const SegmentsFile written = sample_segments(count, 3);
    write_segments(folder / "segments.h5", written, segment_record);
    const SegmentsFile found = read_segments(folder / "segments.h5", segment_record);
    EXPECT_EQ(found.segment, written.segment);
    EXPECT_EQ(found.community, written.community);
    EXPECT_EQ(found.offset, written.offset);
    EXPECT_EQ(found.box, written.box);
    EXPECT_EQ(found.size, written.size);
    EXPECT_EQ(found.grid, written.grid);
    EXPECT_EQ(found.patch, written.patch);
    expect_same_images(found.images, written.images);
  }
}

TEST(ShardFiles, DescriptorsComeBackAsWritten) {
  const TempFolder folder;
  const StageProvenance record = sample_record("describe").of_shard({0});
  for (const int count : {0, 3}) {
    const DescriptorsFile written = sample_descriptors(count, 0, 6);
    write_descriptors(folder / "descriptors.h5", written, record);
    const DescriptorsFile found = descriptors_in(folder / "descriptors.h5", record);
    EXPECT_EQ(found.descriptor, written.descriptor);
    EXPECT_EQ(found.image, written.image);
    EXPECT_EQ(found.segment, written.segment);
    EXPECT_EQ(found.dim, written.dim);
  }
}

TEST(ShardFiles, PlainFilesHaveNamesOrNeither) {
  const TempFolder folder;
  SegmentsFile written = sample_segments(4, 0);
  written.images = sample_names(4);
  write_segments(folder / "named.h5", written, std::nullopt);
  expect_same_images(read_segments(folder / "named.h5", std::nullopt).images, written.images);
  written.images = {};
  write_segments(folder / "nameless.h5", written, std::nullopt);
  EXPECT_EQ(read_segments(folder / "nameless.h5", std::nullopt).segment, written.segment);
}

/// What `is_current` says of a path that it must refuse.
std::string why_not(const fs::path& path, const StageProvenance& wanted) {
  std::string why = "untouched";
  EXPECT_FALSE(is_current(path, wanted, &why)) << path;
  return why;
}

class IsCurrent : public ::testing::Test {
 protected:
  IsCurrent() { write_segments(path(), sample_segments(4, 3), segment_record); }
  [[nodiscard]] fs::path path() const { return folder_ / "000003.h5"; }

  TempFolder folder_;
};

/// Text anywhere in another one.
::testing::AssertionResult has(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "\"" << part << "\" is not in: " << text;
}

TEST_F(IsCurrent, AFinishedFileIs) {
  std::string why = "untouched";
  EXPECT_TRUE(is_current(path(), segment_record, &why));
  EXPECT_TRUE(is_current(path(), sample_record("segment"), &why)) << "no shard was asked for";
  EXPECT_EQ(why, "untouched");
  fs::create_symlink(path(), folder_ / "link.h5");
  EXPECT_TRUE(is_current(folder_ / "link.h5", segment_record, &why));
}

TEST_F(IsCurrent, NothingThereIsNoReason) {
  EXPECT_EQ(why_not(folder_ / "none.h5", segment_record), "untouched");
  EXPECT_EQ(why_not(folder_ / "none" / "none.h5", segment_record), "untouched");
}

TEST_F(IsCurrent, OtherRecordsAreSaid) {
  EXPECT_TRUE(has(why_not(path(), sample_record("segment", "cosine").of_shard({3})), "affinity.metric: dot became"));
  EXPECT_TRUE(has(why_not(path(), sample_record("segment").of_shard({4})), "it is a copy of shard 3"));
  write_segments(path(), sample_segments(4, 3), sample_record("segment"));
  EXPECT_TRUE(has(why_not(path(), segment_record), "no record of its shard"));
  write_segments(path(), sample_segments(4, 3), std::nullopt);
  EXPECT_TRUE(has(why_not(path(), segment_record), "no record of its settings"));
}

TEST_F(IsCurrent, AFileThatWasNotClosedIsNotComplete) {
  {
    Hdf5Writer writer(path());
    write_provenance(writer, segment_record);
  }
  EXPECT_TRUE(has(why_not(path(), segment_record), "is not complete"));
}

TEST_F(IsCurrent, DamageIsNamed) {
  const std::string bytes = bytes_of(path());
  // The values of /size, which no setting knows of.
  std::string sizes;
  for (const std::int32_t size : sample_segments(4, 3).size) {
    sizes.append(reinterpret_cast<const char*>(&size), sizeof(size));
  }
  const auto at = bytes.find(sizes);
  ASSERT_NE(at, std::string::npos);
  std::string damaged = bytes;
  damaged[at] = static_cast<char>(damaged[at] ^ 1);
  write_bytes(path(), damaged);
  EXPECT_TRUE(has(why_not(path(), segment_record), "/size (its content hash differs)"));
  write_bytes(path(), bytes.substr(0, bytes.size() - 1));
  EXPECT_TRUE(has(why_not(path(), segment_record), "truncated"));
  write_bytes(path(), "");
  EXPECT_TRUE(has(why_not(path(), segment_record), "not an HDF5 file"));
  write_bytes(path(), "no HDF5 at all\n");
  EXPECT_TRUE(has(why_not(path(), segment_record), "not an HDF5 file"));
  write_bytes(path(), bytes);
  std::string why;
  EXPECT_TRUE(is_current(path(), segment_record, &why)) << why;
}

TEST_F(IsCurrent, WhateverElseIsInItsPlaceIsAReason) {
  fs::create_directory(folder_ / "folder.h5");
  EXPECT_TRUE(has(why_not(folder_ / "folder.h5", segment_record), "it is a folder"));
  fs::create_symlink("circle.h5", folder_ / "circle.h5");
  EXPECT_TRUE(has(why_not(folder_ / "circle.h5", segment_record), "circle.h5"));
  // Opening a pipe would wait for ever.
  ASSERT_EQ(::mkfifo((folder_ / "pipe.h5").c_str(), 0600), 0);
  EXPECT_TRUE(has(why_not(folder_ / "pipe.h5", segment_record), "not an ordinary file"));
  EXPECT_FALSE(why_not(path() / "below.h5", segment_record).empty()) << "a file where a folder should be";
  if (::geteuid() != 0) {
    fs::permissions(path(), fs::perms::none);
    EXPECT_TRUE(has(why_not(path(), segment_record), "Permission denied"));
  }
  for (const char* name : {"folder.h5", "circle.h5", "pipe.h5"}) {
    expect_error<InputError>([&] { (void)read_segments(folder_ / name, segment_record); }, {name});
    expect_error<InputError>([&] { (void)read_segments(folder_ / name, std::nullopt); }, {name});
  }
}

TEST_F(IsCurrent, ReadersRefuseWhatIsNot) {
  expect_error<InputError>([&] { (void)read_segments(folder_ / "none.h5", segment_record); },
                           {"is missing", "'segment'"});
  expect_error<InputError>([&] { (void)read_segments(path(), sample_record("segment").of_shard({4})); },
                           {"000003.h5 is not of this run", "it is a copy of shard 3"});
  expect_error<InputError>([&] { (void)read_keys(path(), sample_record("extract").of_shard({3})); },
                           {"is not of this run"});
  expect_error<InputError>([&] { (void)read_keys(path(), std::nullopt); }, {"holds no /keys"});
}

}  // namespace shard_files_test
}  // namespace datus::test
