// SPDX-License-Identifier: Apache-2.0
#include "hdf5_foreign.hpp"

#include "datus/io/hdf5.hpp"
#include "support/errors.hpp"
#include "support/temp_folder.hpp"

#include <array>
#include <cstdint>
#include <limits>

namespace datus {
namespace hdf5_foreign_test {

using test::expect_error;
using test::ForeignFile;
using test::TempFolder;

TEST(Hdf5Foreign, FilesThatCannotBeOpened) {
  const TempFolder folder;
  test::write_bytes(folder / "text.h5", "not at all\n");
  test::write_bytes(folder / "nothing.h5", "");
  std::filesystem::create_directory(folder / "folder.h5");
  expect_error<InputError>([&] { Hdf5Reader(folder / "none.h5"); }, {"none.h5", "no such file"});
  expect_error<InputError>([&] { Hdf5Reader(folder / "text.h5"); }, {"text.h5 is not an HDF5 file"});
  expect_error<InputError>([&] { Hdf5Reader(folder / "nothing.h5"); }, {"nothing.h5 is not an HDF5 file"});
  expect_error<InputError>([&] { Hdf5Reader(folder / "folder.h5"); }, {"folder.h5", "it is a folder"});
}

TEST(Hdf5Foreign, NumbersOfOtherWidthsAndByteOrders) {
  const TempFolder folder;
  const std::vector<int> integers{1, 2, 300, 4};
  const std::vector<double> numbers{0.5, -2.0, 1e300, 3.0};
  {
    ForeignFile file(folder / "a.h5");
    file.dataset("i64be", H5T_STD_I64BE, {4}, H5T_NATIVE_INT, integers.data());
    file.dataset("u32", H5T_STD_U32LE, {2, 2}, H5T_NATIVE_INT, integers.data());
    file.dataset("i8", H5T_STD_I8LE, {2}, H5T_NATIVE_INT, integers.data());
    file.dataset("f64be", H5T_IEEE_F64BE, {4}, H5T_NATIVE_DOUBLE, numbers.data());
    file.dataset("scalar", H5T_IEEE_F32LE, {}, H5T_NATIVE_DOUBLE, numbers.data());
    const std::array<std::uint64_t, 2> large{1, std::numeric_limits<std::uint64_t>::max()};
    file.dataset("u64", H5T_STD_U64LE, {2}, H5T_NATIVE_UINT64, large.data());
  }
  const Hdf5Reader reader(folder / "a.h5");
  EXPECT_EQ(reader.verify(), VerifyResult::no_record);
  EXPECT_EQ(reader.read<std::int64_t>("i64be"), (std::vector<std::int64_t>{1, 2, 300, 4}));
  EXPECT_EQ(reader.read<std::int16_t>("u32"), (std::vector<std::int16_t>{1, 2, 300, 4}));
  expect_error<InputError>([&] { (void)reader.read<std::uint8_t>("u32"); }, {"row 1 of /u32", "300"});
  EXPECT_EQ(reader.read<std::int32_t>("i8"), (std::vector<std::int32_t>{1, 2}));
  EXPECT_EQ(reader.read<double>("f64be"), numbers);
  EXPECT_EQ(reader.read<float>("scalar"), std::vector<float>{0.5F});
  EXPECT_TRUE(reader.shape("scalar").empty());
  expect_error<InputError>([&] { (void)reader.read<std::int64_t>("u64"); }, {"row 1 of /u64", "18446744073709551615"});
}

TEST(Hdf5Foreign, WhatCannotBeReadIsNamed) {
  const TempFolder folder;
  const std::vector<float> values(6, 1.0F);
  {
    ForeignFile file(folder / "a.h5");
    const hid_t compound = H5Tcreate(H5T_COMPOUND, 8);
    H5Tinsert(compound, "a", 0, H5T_NATIVE_INT32);
    H5Tinsert(compound, "b", 4, H5T_NATIVE_FLOAT);
    file.dataset("compound", compound, {2}, compound, values.data());
    H5Tclose(compound);
    file.null_dataset("null");
    file.dataset("floats", H5T_IEEE_F32LE, {3, 2}, H5T_NATIVE_FLOAT, values.data());
    file.dataset("empty", H5T_IEEE_F32LE, {0, 2}, H5T_NATIVE_FLOAT, nullptr);
    file.dataset("integers", H5T_STD_I32LE, {3, 2}, H5T_NATIVE_FLOAT, values.data());
    H5Lcreate_soft("/nowhere", file.id(), "dangling", H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(H5Gcreate2(file.id(), "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Lcreate_hard(file.id(), "/", file.id(), "group/circle", H5P_DEFAULT, H5P_DEFAULT);
  }
  const Hdf5Reader reader(folder / "a.h5");
  expect_error<InputError>([&] { (void)reader.read<float>("compound"); },
                           {"/compound", "a.h5", "a compound of a, b where f32"});
  expect_error<InputError>([&] { (void)reader.shape("null"); }, {"/null", "is empty"});
  expect_error<InputError>([&] { (void)reader.shape("group"); }, {"/group", "not a dataset"});
  expect_error<InputError>([&] { (void)reader.names("floats"); }, {"/floats", "f32 [3, 2]", "strings"});
  expect_error<InputError>([&] { (void)reader.shape("floats", 3); }, {"/floats", "[3, 2] where 3 axes"});
  expect_error<InputError>([&] { (void)reader.matrix_shape("empty"); }, {"/empty", "[0, 2] is empty"});
  expect_error<InputError>([&] { (void)reader.matrix_shape("integers"); }, {"/integers", "i32 where floating"});
  expect_error<InputError>([&] { (void)reader.datasets(); }, {"a.h5", "circle"});
  EXPECT_EQ(reader.matrix_shape("floats"), (Shape{3, 2}));
  EXPECT_TRUE(reader.has("group"));
  EXPECT_FALSE(reader.has("dangling"));
  EXPECT_FALSE(reader.has("floats/x"));
  std::vector<float> rows(4);
  expect_error<InputError>([&] { reader.read_rows<float>("floats", 2, 2, rows); }, {"2 rows from row 2", "[3, 2]"});
  expect_error<InputError>([&] { reader.read_rows<float>("floats", -1, 2, rows); }, {"/floats"});
  expect_error<InputError>([&] { reader.read_rows<float>("floats", 0, 1, rows); }, {"4 elements"});
}

TEST(Hdf5Foreign, AMissingDatasetListsTheOthers) {
  const TempFolder folder;
  {
    Hdf5Writer writer(folder / "a.h5");
    for (int i = 0; i < 25; ++i) writer.write<std::uint8_t>("g/d" + std::to_string(10 + i), {}, {0});
    writer.close();
  }
  { ForeignFile file(folder / "bare.h5"); }
  expect_error<InputError>([&] { (void)Hdf5Reader(folder / "a.h5").shape("keys"); },
                           {"a.h5 holds no /keys", "/g/d10, /g/d11", "/g/d29 and 5 more"});
  expect_error<InputError>([&] { (void)Hdf5Reader(folder / "bare.h5").shape("keys"); }, {"no dataset at all"});
}

TEST(Hdf5Foreign, StringsOfVariableLengthAndOtherPadding) {
  const TempFolder folder;
  {
    ForeignFile file(folder / "a.h5");
    const hid_t variable = H5Tcopy(H5T_C_S1);
    H5Tset_size(variable, H5T_VARIABLE);
    const std::array<const char*, 3> texts{"größer.png", "", "a.png"};
    file.dataset("variable", variable, {3}, variable, texts.data());
    file.dataset("unwritten", variable, {2}, variable, nullptr);
    file.attribute("text", variable, 0, texts.data());
    const hid_t spaces = H5Tcopy(H5T_C_S1);
    H5Tset_size(spaces, 5);
    H5Tset_strpad(spaces, H5T_STR_SPACEPAD);
    file.dataset("spaces", spaces, {3}, spaces, "a b       full5");
    H5Tclose(spaces);
    H5Tclose(variable);
  }
  const Hdf5Reader reader(folder / "a.h5");
  EXPECT_EQ(reader.names("variable"), (std::vector<std::string>{"größer.png", "", "a.png"}));
  EXPECT_EQ(reader.names("unwritten"), (std::vector<std::string>{"", ""}));
  EXPECT_EQ(reader.names("spaces"), (std::vector<std::string>{"a b", "", "full5"}));
  EXPECT_EQ(reader.attribute<std::string>("/", "text"), "größer.png");
}

TEST(Hdf5Foreign, AttributesOfOtherTypes) {
  const TempFolder folder;
  {
    ForeignFile file(folder / "a.h5");
    const std::int16_t small = -7;
    const float number = 0.5F;
    const std::array<std::uint64_t, 2> large{std::numeric_limits<std::uint64_t>::max(), 1};
    file.attribute("small", H5T_NATIVE_INT16, 0, &small);
    file.attribute("one", H5T_NATIVE_INT16, 1, &small);
    file.attribute("number", H5T_NATIVE_FLOAT, 0, &number);
    file.attribute("large", H5T_NATIVE_UINT64, 0, large.data());
    file.attribute("two", H5T_NATIVE_UINT64, 2, large.data());
  }
  const Hdf5Reader reader(folder / "a.h5");
  EXPECT_EQ(reader.attribute<std::int64_t>("/", "small"), -7);
  EXPECT_EQ(reader.attribute<std::int64_t>("/", "one"), -7);
  EXPECT_EQ(reader.attribute<double>("/", "number"), 0.5);
  expect_error<InputError>([&] { (void)reader.attribute<std::int64_t>("/", "large"); }, {"large", "63 bits"});
  expect_error<InputError>([&] { (void)reader.attribute<std::int64_t>("/", "two"); }, {"two", "one element"});
}

/// A file of datus that another program has changed, in a way that HDF5 finds in order, is no longer what was written.
TEST(Hdf5Foreign, ChangesByOthersAreFound) {
  const TempFolder folder;
  const auto path = folder / "a.h5";
  const auto write_then = [&](const auto& change) {
    Hdf5Writer writer(path);
    writer.write<float>("x", std::vector<float>{1, 2}, {2});
    writer.attribute("/", "rows", 28);
    writer.close();
    const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    change(file);
    H5Fclose(file);
  };
  write_then([](hid_t file) { H5Gclose(H5Gcreate2(file, "g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)); });
  expect_error<InputError>([&] { require_verified(path); }, {"a.h5", "record of the whole file"});
  write_then([](hid_t file) { H5Lcreate_soft("/x", file, "y", H5P_DEFAULT, H5P_DEFAULT); });
  expect_error<InputError>([&] { require_verified(path); }, {"a.h5", "record of the whole file"});
  write_then([](hid_t file) { H5Adelete_by_name(file, "/x", "content_hash", H5P_DEFAULT); });
  expect_error<InputError>([&] { require_verified(path); }, {"a.h5", "/x", "no content hash"});
  write_then([](hid_t file) {
    const hid_t attribute = H5Aopen(file, "rows", H5P_DEFAULT);
    const std::int64_t other = 29;
    EXPECT_GE(H5Awrite(attribute, H5T_NATIVE_INT64, &other), 0);
    H5Aclose(attribute);
  });
  expect_error<InputError>([&] { require_verified(path); }, {"a.h5", "record of the whole file"});
  write_then([](hid_t) {});
  require_verified(path);
}

}  // namespace hdf5_foreign_test
}  // namespace datus
