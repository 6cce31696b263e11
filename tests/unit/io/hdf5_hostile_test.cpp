// SPDX-License-Identifier: Apache-2.0
// Files that somebody made to hurt: each is refused, or read, in little time and memory.

#include "datus/io/hdf5.hpp"
#include "hdf5_foreign.hpp"
#include "support/errors.hpp"
#include "support/temp_folder.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <sys/stat.h>

namespace datus {
namespace hdf5_hostile_test {

using test::bytes_of;
using test::expect_error;
using test::ForeignFile;
using test::TempFolder;

hid_t make_group(hid_t place, const std::string& name) {
  const hid_t group = H5Gcreate2(place, name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  EXPECT_GE(group, 0);
  return group;
}

TEST(Hdf5Hostile, ShapesThatNobodyWrote) {
  const TempFolder folder;
  {
    ForeignFile file(folder / "a.h5");
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    const std::array<hsize_t, 2> chunk{1024, 4};
    H5Pset_chunk(creation, 2, chunk.data());
    file.dataset("rows", H5T_IEEE_F32LE, {hsize_t{1} << 62U, 4}, H5T_NATIVE_FLOAT, nullptr, creation);
    file.dataset("row", H5T_IEEE_F32LE, {1, hsize_t{1} << 61U}, H5T_NATIVE_FLOAT, nullptr);
    const std::array<hsize_t, 2> large{hsize_t{1} << 27U, 4};
    H5Pset_chunk(creation, 2, large.data());
    H5Pset_deflate(creation, 1);
    file.dataset("chunk", H5T_IEEE_F32LE, {hsize_t{1} << 27U, 4}, H5T_NATIVE_FLOAT, nullptr, creation);
    H5Pclose(creation);
  }
  const Hdf5Reader reader(folder / "a.h5");
  expect_error<InputError>([&] { (void)reader.shape("rows"); }, {"/rows", "does not fit into the"});
  expect_error<InputError>([&] { (void)reader.shape("row"); }, {"/row", "does not fit into the"});
  expect_error<InputError>([&] { (void)reader.shape("chunk"); },
                           {"/chunk", "[134217728, 4]", "512 MiB", "h5repack -l"});
}

// Without a look at which groups were there already, 30 of them have 2^30 members.
TEST(Hdf5Hostile, GroupsOfManyNamesAreListedOnce) {
  const TempFolder folder;
  {
    ForeignFile file(folder / "a.h5");
    const float value = 1;
    std::string parent;
    for (int i = 0; i < 30; ++i) {
      const std::string name = parent + "/a";
      H5Gclose(make_group(file.id(), name));
      H5Lcreate_hard(file.id(), name.c_str(), file.id(), (parent + "/b").c_str(), H5P_DEFAULT, H5P_DEFAULT);
      parent = name;
    }
    file.dataset((parent + "/x").c_str(), H5T_IEEE_F32LE, {1}, H5T_NATIVE_FLOAT, &value);
  }
  const Hdf5Reader reader(folder / "a.h5");
  const std::vector<std::string> names = reader.datasets();
  ASSERT_EQ(names.size(), 1U);
  EXPECT_EQ(reader.shape(names[0]), Shape{1});
  expect_error<InputError>([&] { (void)reader.shape("y"); }, {"holds no /y", "/x"});
}

TEST(Hdf5Hostile, CirclesAndDepth) {
  const TempFolder folder;
  {
    ForeignFile up(folder / "up.h5");
    H5Gclose(make_group(up.id(), "a"));
    H5Gclose(make_group(up.id(), "a/b"));
    H5Lcreate_hard(up.id(), "a", up.id(), "a/b/up", H5P_DEFAULT, H5P_DEFAULT);
    ForeignFile deep(folder / "deep.h5");
    hid_t group = make_group(deep.id(), "g");
    for (int i = 0; i < 10000; ++i) {
      const hid_t next = make_group(group, "g");
      H5Gclose(group);
      group = next;
    }
    H5Gclose(group);
    ForeignFile links(folder / "links.h5");
    H5Lcreate_soft("/x", links.id(), "x", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/z", links.id(), "y", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/y", links.id(), "z", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external("links.h5", "/outside", links.id(), "outside", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external("other.h5", "/round", links.id(), "round", H5P_DEFAULT, H5P_DEFAULT);
    ForeignFile other(folder / "other.h5");
    H5Lcreate_external("links.h5", "/round", other.id(), "round", H5P_DEFAULT, H5P_DEFAULT);
  }
  expect_error<InputError>([&] { (void)Hdf5Reader(folder / "up.h5").datasets(); }, {"/a/b/up", "circle"});
  expect_error<InputError>([&] { (void)Hdf5Reader(folder / "deep.h5").datasets(); }, {"nested too deeply"});
  const Hdf5Reader links(folder / "links.h5");
  EXPECT_EQ(links.links().size(), 5U);
  for (const std::string& name : links.links()) {
    expect_error<InputError>([&] { (void)links.shape(name); }, {"Cannot follow the link " + name});
  }
}

TEST(Hdf5Hostile, LinksIntoPipesAndDevicesAreNotFollowed) {
  const TempFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  {
    ForeignFile file(folder / "a.h5");
    H5Lcreate_external("pipe", "/x", file.id(), "near", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external((folder / "pipe").c_str(), "/x", file.id(), "named", H5P_DEFAULT, H5P_DEFAULT);
    // Not there, so the library tries the last part of it beside the file.
    H5Lcreate_external("/no/such/folder/pipe", "/x", file.id(), "last", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external("pipe", "/", file.id(), "group", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external("/dev/zero", "/x", file.id(), "device", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/near", file.id(), "soft", H5P_DEFAULT, H5P_DEFAULT);
  }
  const Hdf5Reader reader(folder / "a.h5");
  for (const char* name : {"near", "named", "last", "soft", "group/x"}) {
    expect_error<InputError>([&] { (void)reader.shape(name); }, {"Cannot follow the link", "a pipe"});
  }
  expect_error<InputError>([&] { (void)reader.shape("device"); }, {"/dev/zero", "a device"});
}

// Its values are the bytes of a file that somebody else owns: they must not get into results.
TEST(Hdf5Hostile, BytesOfOtherFilesAreNoValues) {
  const TempFolder folder;
  {
    ForeignFile file(folder / "a.h5");
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(creation, "/etc/passwd", 0, 80);
    file.dataset("x", H5T_IEEE_F32LE, {10, 2}, H5T_NATIVE_FLOAT, nullptr, creation);
    H5Pclose(creation);
    test::foreign_virtual(file, "itself", 2, {{".", "/itself", 0, 2, 0, 2}});
    test::foreign_virtual(file, "circle", 2, {{"b.h5", "/circle", 0, 2, 0, 2}});
    test::foreign_virtual(file, "passwd", 2, {{"/etc/passwd", "/x", 0, 2, 0, 2}});
    ForeignFile other(folder / "b.h5");
    test::foreign_virtual(other, "circle", 2, {{"a.h5", "/circle", 0, 2, 0, 2}});
    test::foreign_virtual(other, "x", 10, {{"a.h5", "/x", 0, 10, 0, 10}});
    H5Lcreate_external("a.h5", "/x", other.id(), "link", H5P_DEFAULT, H5P_DEFAULT);
  }
  expect_error<InputError>([&] { (void)Hdf5Reader(folder / "b.h5").read<float>("link"); },
                           {"/link of ", "/etc/passwd", "external storage"});
  const Hdf5Reader reader(folder / "a.h5");
  const Hdf5Reader other(folder / "b.h5");
  for (const auto& use : {std::function<void()>([&] { (void)reader.read<float>("x"); }),
                          std::function<void()>([&] { (void)other.read<float>("x"); })}) {
    expect_error<InputError>(use, {"/x of ", "/etc/passwd", "external storage"});
  }
  expect_error<InputError>([&] { (void)reader.shape("itself"); }, {"/itself", "is virtual itself"});
  expect_error<InputError>([&] { (void)reader.shape("circle"); }, {"/circle", "is virtual itself"});
  expect_error<InputError>([&] { (void)reader.shape("passwd"); }, {"/etc/passwd is not an HDF5 file"});
}

TEST(Hdf5Hostile, LargeAttributesAreNotRead) {
  const TempFolder folder;
  {
    // Only the newer format stores more than 64 KiB in an attribute.
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
    const hid_t file = H5Fcreate((folder / "a.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access);
    H5Pclose(access);
    const float value = 1;
    for (const hsize_t size : {hsize_t{1} << 20U, hsize_t{20} << 20U}) {
      const std::string name = size == hsize_t{1} << 20U ? "small" : "large";
      const hid_t group = make_group(file, name);
      const std::vector<char> bytes(size);
      const hid_t space = H5Screate_simple(1, &size, nullptr);
      const hid_t large = H5Acreate2(group, "bytes", H5T_STD_U8LE, space, H5P_DEFAULT, H5P_DEFAULT);
      EXPECT_GE(H5Awrite(large, H5T_NATIVE_CHAR, bytes.data()), 0);
      const hid_t scalar = H5Screate(H5S_SCALAR);
      const hid_t number = H5Acreate2(group, "number", H5T_IEEE_F32LE, scalar, H5P_DEFAULT, H5P_DEFAULT);
      EXPECT_GE(H5Awrite(number, H5T_NATIVE_FLOAT, &value), 0);
      H5Aclose(large);
      H5Aclose(number);
      H5Sclose(space);
      H5Sclose(scalar);
      H5Gclose(group);
    }
    H5Fclose(file);
  }
  const Hdf5Reader reader(folder / "a.h5");
  EXPECT_EQ(reader.attribute<double>("small", "number"), 1.0);
  for (const auto& use : {std::function<void()>([&] { (void)reader.attribute<double>("large", "number"); }),
                          std::function<void()>([&] { (void)reader.has_attribute("large", "number"); }),
                          std::function<void()>([&] { (void)reader.attributes("large"); })}) {
    expect_error<InputError>(use, {"attributes of /large", "a.h5", "16 MiB"});
  }
}

// A string of 1 MiB that 20,000 rows lead to would be 20 GB.
TEST(Hdf5Hostile, StringsThatShareTheirBytesAreRefused) {
  const TempFolder folder;
  constexpr std::size_t rows = 20000;
  const std::string text(std::size_t{1} << 20U, 'a');
  {
    ForeignFile file(folder / "a.h5");
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, H5T_VARIABLE);
    std::vector<const char*> values(rows, "b");
    values[0] = text.c_str();
    file.dataset("name", type, {rows}, type, values.data());
    H5Tclose(type);
  }
  const auto names = Hdf5Reader(folder / "a.h5").names("name");
  ASSERT_EQ(names.size(), rows);
  EXPECT_EQ(names[0], text);
  EXPECT_EQ(names[1], "b");

  // Each row has the length of its text, where its heap lies, and its number there: 16 bytes. All get those of the
  // first.
  std::string bytes = bytes_of(folder / "a.h5");
  const auto length = static_cast<std::uint32_t>(text.size());
  const std::uint32_t one = 1;
  std::string needle(4, '\0');
  std::memcpy(needle.data(), &length, 4);
  std::size_t first = bytes.find(needle);
  const auto is_row = [&](std::size_t place) {
    return place + 20 <= bytes.size() && std::memcmp(bytes.data() + place + 16, &one, 4) == 0;
  };
  while (first != std::string::npos && !is_row(first)) first = bytes.find(needle, first + 1);
  ASSERT_NE(first, std::string::npos);
  for (std::size_t row = 1; row < rows; ++row) std::memcpy(&bytes[first + 16 * row], &bytes[first], 16);
  test::write_bytes(folder / "b.h5", bytes);
  expect_error<InputError>([&] { (void)Hdf5Reader(folder / "b.h5").names("name"); },
                           {"/name of ", "b.h5", "its strings take more than 1"});
}

}  // namespace hdf5_hostile_test
}  // namespace datus
