// SPDX-License-Identifier: Apache-2.0
#include "datus/io/hdf5.hpp"

#include "datus/io/atomic_file.hpp"
#include "support/errors.hpp"
#include "support/temp_folder.hpp"

#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>
#include <thread>

namespace datus {
namespace hdf5_test {

using test::bytes_of;
using test::expect_error;
using test::TempFolder;

template <class T>
T make(int value) {
  if constexpr (std::is_same_v<T, half>)
    return to_half(static_cast<float>(value));
  else
    return static_cast<T>(value);
}

template <class T>
std::vector<T> ramp(std::int64_t count) {
  std::vector<T> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(make<T>(static_cast<int>(i % 97)));
  return values;
}

template <class T>
class Hdf5RoundTrip : public ::testing::Test {};
using Elements = ::testing::Types<half, float, double, std::int16_t, std::int32_t, std::int64_t, std::uint8_t>;
TYPED_TEST_SUITE(Hdf5RoundTrip, Elements);

TYPED_TEST(Hdf5RoundTrip, EveryShapeAndChunk) {
  using T = TypeParam;
  const TempFolder folder;
  const std::vector<Shape> shapes{{}, {0}, {1}, {7}, {5, 3}, {0, 4}, {4, 0}, {3, 2, 5}, {2, 3, 0, 4}};
  const std::vector<ChunkHint> hints{ChunkHint::whole, ChunkHint::per_row, ChunkHint::about_one_mib};
  Hdf5Writer writer(folder / "a.h5");
  for (std::size_t i = 0; i < shapes.size() * hints.size(); ++i) {
    const Shape& shape = shapes[i / hints.size()];
    writer.write<T>("group/" + std::to_string(i), ramp<T>(element_count(shape)), shape, hints[i % hints.size()]);
  }
  writer.close();
  const Hdf5Reader reader(folder / "a.h5");
  EXPECT_EQ(reader.verify(), VerifyResult::verified);
  for (std::size_t i = 0; i < shapes.size() * hints.size(); ++i) {
    const std::string name = "/group/" + std::to_string(i);
    EXPECT_EQ(reader.shape(name), shapes[i / hints.size()]);
    EXPECT_EQ(reader.dtype(name), dtype_of<T>());
    EXPECT_EQ(reader.read<T>(name), ramp<T>(element_count(shapes[i / hints.size()]))) << name;
  }
}

TYPED_TEST(Hdf5RoundTrip, RowsInBlocks) {
  using T = TypeParam;
  const TempFolder folder;
  // 2.4 chunks of about 1 MiB, in blocks that do not meet the chunks' edges.
  const std::int64_t width = 1000;
  const std::int64_t rows = 2'516'582 / (width * static_cast<std::int64_t>(sizeof(T)));
  const std::vector<T> values = ramp<T>(rows * width);
  {
    Hdf5Writer writer(folder / "a.h5");
    writer.create<T>("blocks", {rows, width}, ChunkHint::about_one_mib);
    for (std::int64_t row = 0; row < rows; row += 91) {
      const std::int64_t count = std::min<std::int64_t>(91, rows - row);
      writer.write_rows<T>("blocks", row, std::span(values).subspan(row * width, count * width));
    }
    writer.write<T>("at_once", values, {rows, width}, ChunkHint::about_one_mib);
    writer.close();
  }
  const Hdf5Reader reader(folder / "a.h5");
  EXPECT_EQ(reader.verify(), VerifyResult::verified);
  EXPECT_EQ(reader.read<T>("blocks"), values);
  EXPECT_EQ(reader.attribute<std::string>("blocks", "content_hash"),
            reader.attribute<std::string>("at_once", "content_hash"));
  std::vector<T> some(static_cast<std::size_t>(5 * width));
  reader.template read_rows<T>("blocks", rows - 5, 5, some);
  EXPECT_EQ(some, std::vector<T>(values.end() - 5 * width, values.end()));
}

// HDF5 1.10 has lost datasets of one chunk beyond 1 MiB; see the writer.
TEST(Hdf5, OneLargeChunkKeepsItsValues) {
  const TempFolder folder;
  std::vector<float> values(600'000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i + 1);
  for (const ChunkHint hint : {ChunkHint::whole, ChunkHint::per_row, ChunkHint::about_one_mib}) {
    for (const Shape& shape : {Shape{1, 600'000}, Shape{3, 200'000}, Shape{3, 100'000, 2}}) {
      Hdf5Writer writer(folder / "large.h5");
      writer.write<float>("values", values, shape, hint);
      writer.close();
      ASSERT_NO_THROW(require_verified(folder / "large.h5")) << to_string(shape);
      ASSERT_EQ(Hdf5Reader(folder / "large.h5").read<float>("values"), values) << to_string(shape);
    }
  }
}

TEST(Hdf5, EveryHalfKeepsItsBits) {
  const TempFolder folder;
  std::vector<half> all(65536);
  for (std::size_t i = 0; i < all.size(); ++i) all[i].bits = static_cast<std::uint16_t>(i);
  Hdf5Writer writer(folder / "a.h5");
  writer.write<half>("x", all, {256, 256});
  writer.close();
  const Hdf5Reader reader(folder / "a.h5");
  EXPECT_EQ(reader.read<half>("x"), all);
  std::vector<float> floats(all.size());
  reader.read_rows_as_float("x", 0, 256, floats);
  const std::vector<double> doubles = reader.read<double>("x");
  for (std::size_t i = 0; i < all.size(); ++i) {
    const float expected = to_float(all[i]);
    ASSERT_TRUE(floats[i] == expected || (std::isnan(floats[i]) && std::isnan(expected))) << i;
    ASSERT_TRUE(doubles[i] == static_cast<double>(expected) || std::isnan(expected)) << i;
  }
}

TEST(Hdf5, DoublesRoundOnceToFloat) {
  const TempFolder folder;
  // Halfway between 1 and the next float: to even; just above: up.
  const double halfway = 1.0 + std::ldexp(1.0, -24);
  const std::vector<double> values{halfway, std::nextafter(halfway, 2.0), 1e-60,
                                   std::numeric_limits<double>::infinity()};
  Hdf5Writer writer(folder / "a.h5");
  writer.write<double>("x", values, {4});
  writer.write<double>("far", std::vector<double>{1.0, 2.0, 3.0, 1e39}, {2, 2});
  writer.close();
  const Hdf5Reader reader(folder / "a.h5");
  std::vector<float> floats(4);
  reader.read_rows_as_float("x", 0, 4, floats);
  EXPECT_EQ(floats,
            (std::vector<float>{1.0F, 1.0F + std::ldexp(1.0F, -23), 0.0F, std::numeric_limits<float>::infinity()}));
  expect_error<InputError>([&] { reader.read_rows_as_float("far", 0, 2, floats); }, {"row 1 of /far", "a.h5"});
  expect_error<InputError>([&] { (void)reader.read<float>("x"); }, {"/x", "f64 where f32"});
}

TEST(Hdf5, IntegersAreConvertedOnlyWhenTheyFit) {
  const TempFolder folder;
  Hdf5Writer writer(folder / "a.h5");
  writer.write<std::int64_t>("fits", std::vector<std::int64_t>{-32768, 32767, 0, -1}, {4});
  writer.write<std::int64_t>("not", std::vector<std::int64_t>{0, 1, 2, 3, 32768, 5}, {3, 2});
  writer.close();
  const Hdf5Reader reader(folder / "a.h5");
  EXPECT_EQ(reader.read<std::int16_t>("fits"), (std::vector<std::int16_t>{-32768, 32767, 0, -1}));
  expect_error<InputError>([&] { (void)reader.read<std::int16_t>("not"); }, {"row 2 of /not", "32768", "i16"});
  expect_error<InputError>([&] { (void)reader.read<std::uint8_t>("fits"); }, {"row 0 of /fits", "-32768", "u8"});
  expect_error<InputError>([&] { (void)reader.read<float>("fits"); }, {"/fits", "i64 where f32"});
}

TEST(Hdf5, NamesAreUtf8OfAnyLength) {
  const TempFolder folder;
  const std::vector<std::string> names{"a.png", "", "sub folder/größer 海.jpg", std::string(300, 'n')};
  Hdf5Writer writer(folder / "a.h5");
  writer.write_names("name", names);
  writer.write_names("none", {});
  writer.write_names("blank", std::vector<std::string>{"", ""});
  EXPECT_THROW(writer.write_names("zero", std::vector<std::string>{std::string("a\0b", 3)}), SystemError);
  writer.close();
  const Hdf5Reader reader(folder / "a.h5");
  EXPECT_EQ(reader.verify(), VerifyResult::verified);
  EXPECT_EQ(reader.names("name"), names);
  EXPECT_TRUE(reader.names("none").empty());
  EXPECT_EQ(reader.names("blank"), (std::vector<std::string>{"", ""}));
  EXPECT_EQ(reader.dtype("name"), Dtype::text);
}

TEST(Hdf5, AttributesOfEveryObject) {
  const TempFolder folder;
  Hdf5Writer writer(folder / "a.h5");
  writer.write<float>("k027/centroids", ramp<float>(6), {2, 3});
  writer.attribute("/", "rows", 28);
  writer.attribute("/", "text", "größer");
  writer.attribute("/", "nothing", "");
  writer.attribute("k027", "tolerance", 1e-4);
  writer.attribute("/k027/centroids", "large", std::numeric_limits<std::int64_t>::min());
  // More than HDF5 keeps in an object's header, and one longer than a header takes.
  for (int i = 0; i < 20; ++i) writer.attribute("k027", "a" + std::to_string(i), i);
  writer.attribute("k027", "long", std::string(100'000, 'z'));
  expect_error<SystemError>([&] { writer.attribute("/", "rows", 29); }, {"attribute rows of /", "already exists"});
  expect_error<SystemError>([&] { writer.attribute("/", "done", 1); }, {"reserved"});
  expect_error<SystemError>([&] { writer.attribute("/absent", "x", 1); }, {"/absent"});
  writer.close();
  const Hdf5Reader reader(folder / "a.h5");
  EXPECT_EQ(reader.verify(), VerifyResult::verified);
  EXPECT_EQ(reader.attribute<std::int64_t>("/", "rows"), 28);
  EXPECT_EQ(reader.attribute<double>("/", "rows"), 28.0);
  EXPECT_EQ(reader.attribute<std::string>("/", "text"), "größer");
  EXPECT_EQ(reader.attribute<std::string>("/", "nothing"), "");
  EXPECT_EQ(reader.attribute<double>("/k027", "tolerance"), 1e-4);
  EXPECT_EQ(reader.attribute<std::int64_t>("k027/centroids", "large"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(reader.attribute<std::int64_t>("k027", "a19"), 19);
  EXPECT_EQ(reader.attribute<std::string>("k027", "long").size(), 100'000U);
  EXPECT_EQ(reader.attributes("k027").size(), 22U);
  EXPECT_EQ(reader.attributes("/").size(), 3U);
  EXPECT_TRUE(reader.has_attribute("/", "rows"));
  EXPECT_FALSE(reader.has_attribute("/", "cols"));
  expect_error<InputError>([&] { (void)reader.attribute<std::int64_t>("/", "cols"); }, {"no attribute cols"});
  expect_error<InputError>([&] { (void)reader.attribute<std::int64_t>("/", "text"); }, {"not an integer"});
  expect_error<InputError>([&] { (void)reader.attribute<std::string>("/", "rows"); }, {"not a string"});
  expect_error<InputError>([&] { (void)reader.attribute<double>("/", "text"); }, {"not a number"});
}

void write_everything(const std::filesystem::path& path) {
  Hdf5Writer writer(path);
  writer.write<half>("keys", ramp<half>(3 * 7 * 5), {3, 7, 5}, ChunkHint::per_row);
  writer.write<float>("descriptor", ramp<float>(1000 * 384), {1000, 384}, ChunkHint::about_one_mib);
  writer.write<std::int16_t>("none", {}, {0, 4});
  writer.write_names("name", std::vector<std::string>{"b", "aa", ""});
  for (int i = 0; i < 30; ++i) writer.attribute("keys", "attribute" + std::to_string(i), i);
  for (int i = 0; i < 30; ++i) writer.group("groups/g" + std::to_string(i));
  writer.write_virtual("virtual", Dtype::f16, {4}, std::vector<VirtualSource>{{"x.h5", "/x", 2}, {"y.h5", "/x", 3}});
  writer.close();
}

TEST(Hdf5, EqualCallsGiveEqualBytes) {
  const TempFolder folder;
  write_everything(folder / "first.h5");
  // HDF5 counts times in seconds.
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  AtomicFile file(folder / "second.h5", {.tag = "rank5"});
  write_everything(file.path());
  file.commit();
  EXPECT_EQ(bytes_of(folder / "first.h5"), bytes_of(folder / "second.h5"));
  EXPECT_EQ(bytes_of(folder / "first.h5").find("first"), std::string::npos);
}

TEST(Hdf5, WrongUseOfTheWriterIsNamed) {
  const TempFolder folder;
  Hdf5Writer writer(folder / "a.h5");
  writer.create<float>("x", {4, 3}, ChunkHint::whole);
  const std::vector<float> row(3);
  expect_error<SystemError>([&] { writer.write_rows<float>("x", 1, row); }, {"/x", "row 0 is next"});
  expect_error<SystemError>([&] { writer.write_rows<float>("x", 0, std::vector<float>(4)); }, {"[4, 3]"});
  expect_error<SystemError>([&] { writer.write_rows<float>("x", 0, std::vector<float>(15)); }, {"[4, 3]"});
  expect_error<SystemError>([&] { writer.write_rows<std::int32_t>("x", 0, std::vector<std::int32_t>(3)); },
                            {"f32, not i32"});
  expect_error<SystemError>([&] { writer.write_rows<float>("y", 0, row); }, {"/y", "no dataset"});
  expect_error<SystemError>([&] { writer.write<float>("z", row, {4}); }, {"/z", "12 bytes", "[4]"});
  expect_error<SystemError>([&] { writer.write<float>("z", row, {-3}); }, {"[-3]"});
  expect_error<SystemError>([&] { writer.write<float>("x", row, {3}); }, {"/x", "exists"});
  writer.write_rows<float>("x", 0, row);
  expect_error<SystemError>([&] { writer.close(); }, {"/x", "only 1 of its 4 rows"});
  writer.write_rows<float>("x", 1, std::vector<float>(9));
  writer.write_rows<float>("x", 4, {});
  writer.close();
  expect_error<SystemError>([&] { writer.group("late"); }, {"closed"});
  EXPECT_EQ(Hdf5Reader(folder / "a.h5").verify(), VerifyResult::verified);
  expect_error<SystemError>([&] { Hdf5Writer(folder / "absent/a.h5"); }, {"absent/a.h5", "No such file"});
}

TEST(Hdf5, ThreadsMayUseFilesAtTheSameTime) {
  const TempFolder folder;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        const auto path = folder / (std::to_string(t) + ".h5");
        Hdf5Writer writer(path);
        writer.write<std::int32_t>("x", ramp<std::int32_t>(1000), {100, 10}, ChunkHint::per_row);
        writer.close();
        require_verified(path);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(bytes_of(folder / "0.h5"), bytes_of(folder / "3.h5"));
}

TEST(DatasetPath, SplitsAtTheLastColonSlash) {
  const auto parts = [](const char* text) {
    const DatasetPath path = parse_dataset_path(text, "/keys");
    return path.file.string() + " | " + path.dataset;
  };
  EXPECT_EQ(parts("a.h5"), "a.h5 | /keys");
  EXPECT_EQ(parts("dir/a.h5:/k027/centroids"), "dir/a.h5 | /k027/centroids");
  EXPECT_EQ(parts("12:30/a:b.h5"), "12:30/a:b.h5 | /keys");
  EXPECT_EQ(parts("c:/a.h5:/x"), "c:/a.h5 | /x");
  EXPECT_THROW(parts(""), UsageError);
  EXPECT_THROW(parts(":/x"), UsageError);
  EXPECT_THROW(parts("a.h5:/"), UsageError);
}

}  // namespace hdf5_test
}  // namespace datus
