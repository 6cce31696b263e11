// SPDX-License-Identifier: Apache-2.0
#include "datus/core/error.hpp"
#include "datus/io/deflated_dataset.hpp"
#include "datus/io/hdf5.hpp"
#include "support/errors.hpp"
#include "support/temp_folder.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace hdf5_deflated_test {

namespace fs = std::filesystem;

template <class T>
std::vector<T> sample(std::int64_t count) {
  std::vector<T> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(static_cast<T>(i / 50 % 7 + (i % 1000 == 0 ? i : 0)));
  return values;
}

/// As the library reads it, piece by piece, and as a whole.
template <class T>
void expect_read_back(const Shape& shape) {
  SCOPED_TRACE(to_string(shape));
  const TempFolder folder;
  const auto values = sample<T>(element_count(shape));
  Hdf5Writer writer(folder / "a.h5");
  writer.write_deflated("group/values", deflate<T>(values, shape));
  writer.write<T>("same", values, shape, ChunkHint::deflated);
  writer.close();
  const Hdf5Reader reader(folder / "a.h5");
  EXPECT_EQ(reader.verify(), VerifyResult::verified);
  EXPECT_EQ(reader.shape("group/values"), shape);
  for (const char* name : {"group/values", "same"}) {
    EXPECT_EQ(reader.read<T>(name), values);
    EXPECT_EQ(reader.read_verified<T>(name), values);
    std::vector<T> rows(values.size());
    reader.read_rows<T>(name, 0, shape.front(), rows);
    EXPECT_EQ(rows, values);
  }
  EXPECT_EQ(reader.attribute<std::string>("group/values", "content_hash"),
            reader.attribute<std::string>("same", "content_hash"));
}

TEST(Hdf5Deflated, IsReadBack) {
  for (const Shape& shape : {Shape{1, 1}, Shape{3, 5}, Shape{480, 640}, Shape{2000, 1500}, Shape{7}}) {
    expect_read_back<std::uint8_t>(shape);
    expect_read_back<std::int32_t>(shape);
  }
  expect_read_back<double>({30, 40});
}

TEST(Hdf5Deflated, RefusesWhatDoesNotFit) {
  const std::vector<std::uint8_t> values(6);
  EXPECT_THROW((void)deflate<std::uint8_t>(values, {2, 4}), SystemError);
  EXPECT_THROW((void)deflate<std::uint8_t>({}, {0, 4}), SystemError);
}

TEST(Hdf5Deflated, ContentIsComparedWhereThereIsAHash) {
  const TempFolder folder;
  Hdf5Writer writer(folder / "a.h5");
  writer.write_deflated("values", deflate<std::uint8_t>(std::vector<std::uint8_t>(6, 1), {2, 3}));
  DeflatedDataset wrong = deflate<std::uint8_t>(std::vector<std::uint8_t>(6, 2), {2, 3});
  wrong.content = Hash{1, 2};
  writer.write_deflated("wrong", wrong);
  writer.close();
  const Hdf5Reader reader(folder / "a.h5");
  EXPECT_EQ(reader.read<std::uint8_t>("wrong").front(), 2);
  const std::string text = error_of<InputError>([&] { (void)reader.read_verified<std::uint8_t>("wrong"); });
  EXPECT_NE(text.find("/wrong"), std::string::npos) << text;
  EXPECT_NE(text.find("a.h5"), std::string::npos) << text;
  // Another type than the stored one is another content.
  EXPECT_THROW((void)reader.read_verified<std::int32_t>("values"), InputError);
}

TEST(Hdf5Links, LeadToOtherFilesAndMoveWithThem) {
  const TempFolder folder;
  fs::create_directories(folder / "run/parts");
  Hdf5Writer part(folder / "run/parts/1.h5");
  part.write<std::int32_t>("mask/1", std::vector<std::int32_t>{5, 6}, {2});
  part.close();
  Hdf5Writer all(folder / "run/all.h5");
  all.link("mask/1", "parts/1.h5", "mask/1");
  all.link("mask/2", "parts/2.h5", "mask/2");
  EXPECT_THROW(all.link("mask/3", folder / "run/parts/1.h5", "mask/1"), SystemError);
  all.close();
  fs::rename(folder / "run", folder / "moved");
  const Hdf5Reader reader(folder / "moved/all.h5");
  EXPECT_EQ(reader.verify(), VerifyResult::verified);
  EXPECT_EQ(reader.links(), (std::vector<std::string>{"/mask/1", "/mask/2"}));
  EXPECT_EQ(reader.read<std::int32_t>("mask/1"), (std::vector<std::int32_t>{5, 6}));
  EXPECT_THROW((void)reader.read<std::int32_t>("mask/2"), InputError);
}

// The same names and attributes, but another place that a link leads to.
TEST(Hdf5Links, AreAPartOfTheRecord) {
  const TempFolder folder;
  std::vector<std::string> records;
  for (const char* target : {"1.h5", "2.h5"}) {
    Hdf5Writer writer(folder / "a.h5");
    writer.link("mask", target, "mask");
    writer.close();
    records.push_back(Hdf5Reader(folder / "a.h5").attribute<std::string>("/", "done"));
  }
  EXPECT_NE(records[0], records[1]);
}

}  // namespace hdf5_deflated_test
}  // namespace datus::test
