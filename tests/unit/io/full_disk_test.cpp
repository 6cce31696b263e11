// SPDX-License-Identifier: Apache-2.0
// Files written to a file system with too little room: at each amount of it, either the whole file or a clear error and
// nothing.

#include "datus/io/atomic_file.hpp"
#include "datus/io/atomic_hdf5.hpp"
#include "datus/io/disk_space.hpp"
#include "datus/io/hdf5.hpp"
#include "datus/io/image_writer.hpp"
#include "library_leaks.hpp"
#include "small_file_system.hpp"

#include <cstdint>
#include <functional>
#include <random>
#include <regex>
#include <string>
#include <vector>

namespace datus {
namespace full_disk_test {

using test::bytes_of;
using test::SmallFileSystem;

constexpr std::int64_t page = 4096;
constexpr std::int64_t capacity = std::int64_t{2} << 20;

/// Datasets of each layout, a group, many attributes: about 690,000 bytes.
void write_hdf5(const std::filesystem::path& path) {
  AtomicHdf5 file(path);
  Hdf5Writer& writer = file.writer();
  const std::vector<float> rows(40 * 1000, 1.5F);
  writer.create<half>("keys", {40, 10, 100}, ChunkHint::per_row);
  writer.write_rows<half>("keys", 0, std::vector<half>(rows.size(), to_half(1.5F)));
  writer.write<half>("large", std::vector<half>(3 * 50'000, to_half(2.5F)), {3, 50'000}, ChunkHint::per_row);
  writer.write<float>("matrix", rows, {400, 100}, ChunkHint::about_one_mib);
  writer.write<std::int64_t>("whole", std::vector<std::int64_t>(10'000, 7), {10'000});
  writer.write_names("group/name", std::vector<std::string>(100, "an image"));
  for (int i = 0; i < 60; ++i) writer.attribute("/", "attribute" + std::to_string(i), std::string(300, 'x'));
  file.commit();
}

void write_text(const std::filesystem::path& path) {
  write_text_atomically(path, std::string(60'000, 'x'));
}

void write_picture(const std::filesystem::path& path) {
  Image image(100, 200);
  std::minstd_rand generator(1);
  for (auto& value : image.pixels) value = static_cast<std::uint8_t>(generator());
  AtomicFile file(path);
  write_png(file.path(), image);
  file.commit();
}

/// "No space left on device", with the bytes free and, but for the very first bytes of an HDF5 file, those needed.
void expect_full_disk(const std::string& text, const std::string& file) {
  EXPECT_NE(text.find(file), std::string::npos) << text;
  EXPECT_TRUE(std::regex_search(
      text, std::regex(R"(\(No space left on device: (the file needs at least [0-9.]+ (bytes|KiB), )?)"
                       R"([0-9.]+ (bytes|KiB|MiB) are free on its file system\) Free some space, or use another folder)"
                       R"(, and run the same command again: it goes on where it stopped\.)")))
      << text;
  const bool is_first_write = text.find("create the root") != std::string::npos;
  EXPECT_NE(text.find("needs at least") != std::string::npos, is_first_write) << text;
}

/// Writes with 0, 4096, 8192, … bytes free until it succeeds, over an older file of the same name.
void check_each_amount_of_room(const SmallFileSystem& system, const std::string& name,
                               const std::function<void(const std::filesystem::path&)>& write) {
  write(system / name);
  const std::string expected = bytes_of(system / name);
  const auto size = static_cast<std::int64_t>(expected.size());
  const std::int64_t room = free_bytes(system.path());
  bool is_written = false;
  int failures = 0;
  for (std::int64_t left = 0; !is_written; left += page) {
    ASSERT_LE(left, size + 8 * page) << "the file fits, but is not written";
    ASSERT_NO_FATAL_FAILURE(system.fill(room - left));
    try {
      write(system / name);
      is_written = true;
    } catch (const SystemError& error) {
      ++failures;
      expect_full_disk(error.what(), name);
      EXPECT_EQ(free_bytes(system.path()), left);
    }
    EXPECT_EQ(system.names(), std::vector<std::string>{name});
    EXPECT_EQ(bytes_of(system / name), expected);
  }
  EXPECT_GE(failures, size / page);
  // Where there was no room at all, the same call succeeds once there is.
  ASSERT_NO_FATAL_FAILURE(system.fill(0));
  std::filesystem::remove(system / name);
  ASSERT_NO_FATAL_FAILURE(system.fill(capacity));
  EXPECT_THROW(write(system / name), SystemError);
  ASSERT_NO_FATAL_FAILURE(system.fill(0));
  write(system / name);
  EXPECT_EQ(bytes_of(system / name), expected);
  std::filesystem::remove(system / name);
  EXPECT_EQ(free_bytes(system.path()), capacity) << "something holds on to a removed file";
}

TEST(FullDisk, AnHdf5FileIsWholeOrNotThere) {
  const SmallFileSystem system(capacity);
  if (!system.problem().empty()) GTEST_SKIP() << system.problem();
  ::testing::internal::CaptureStderr();
  check_each_amount_of_room(system, "keys.h5", write_hdf5);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "") << "the HDF5 library prints errors itself";
}

TEST(FullDisk, ATextIsWholeOrNotThere) {
  const SmallFileSystem system(capacity);
  if (!system.problem().empty()) GTEST_SKIP() << system.problem();
  check_each_amount_of_room(system, "summary.json", write_text);
}

TEST(FullDisk, APictureIsWholeOrNotThere) {
  const SmallFileSystem system(capacity);
  if (!system.problem().empty()) GTEST_SKIP() << system.problem();
  check_each_amount_of_room(system, "mask.png", write_picture);
}

TEST(FullDisk, TheBytesNeededAreThoseOfAllDatasetsSoFar) {
  const SmallFileSystem system(capacity);
  if (!system.problem().empty()) GTEST_SKIP() << system.problem();
  system.fill(capacity - 16 * page);
  try {
    Hdf5Writer writer(system / "a.h5");
    writer.write<float>("small", std::vector<float>(1024), {1024});
    writer.create<std::uint8_t>("rows", {3'000, 1'024}, ChunkHint::about_one_mib);
    for (int i = 0; i < 3'000; ++i) writer.write_rows<std::uint8_t>("rows", i, std::vector<std::uint8_t>(1'024, 1));
    writer.close();
    FAIL() << "3 MiB fitted into 64 KiB";
  } catch (const SystemError& error) {
    // 4 KiB, and 3000 rows of 1 KiB in pieces of 1024: 3.004 MiB.
    EXPECT_NE(std::string(error.what()).find("needs at least 3.01 MiB, 64.0 KiB are free"), std::string::npos)
        << error.what();
  }
}

}  // namespace full_disk_test
}  // namespace datus
