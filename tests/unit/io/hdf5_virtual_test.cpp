// SPDX-License-Identifier: Apache-2.0
#include "datus/io/hdf5.hpp"
#include "hdf5_foreign.hpp"
#include "support/errors.hpp"
#include "support/temp_folder.hpp"

#include <numeric>

#include <sys/resource.h>

namespace datus {
namespace hdf5_virtual_test {

using test::expect_error;
using test::ForeignFile;
using test::Mapping;
using test::TempFolder;

/// Rows of two floats: 100 first, 100 first + 1, …
std::vector<float> rows_from(int first, std::int64_t rows) {
  std::vector<float> values(static_cast<std::size_t>(rows * 2));
  std::iota(values.begin(), values.end(), static_cast<float>(first) * 100.0F);
  return values;
}

void write_source(const std::filesystem::path& path, int first, std::int64_t rows) {
  std::filesystem::create_directories(path.parent_path());
  Hdf5Writer writer(path);
  writer.write<float>("x", rows_from(first, rows), {rows, 2});
  writer.write_names("name", std::vector<std::string>(static_cast<std::size_t>(rows), std::to_string(first)));
  writer.close();
}

/// Three sources of 2, 0 and 3 rows in a folder beside v.h5, one with a percent sign in its name.
std::vector<float> write_run(const TempFolder& folder) {
  const std::vector<VirtualSource> sources{{"s/0%b.h5", "/x", 2}, {"s/1.h5", "/x", 0}, {"s/2.h5", "/x", 3}};
  std::vector<float> all;
  for (int i = 0; i < 3; ++i) {
    const VirtualSource& source = sources[static_cast<std::size_t>(i)];
    write_source(folder / source.file, i, source.rows);
    const std::vector<float> rows = rows_from(i, source.rows);
    all.insert(all.end(), rows.begin(), rows.end());
  }
  Hdf5Writer writer(folder / "v.h5");
  writer.write_virtual("x", Dtype::f32, {2}, sources);
  writer.write_virtual("empty", Dtype::f16, {2}, {});
  writer.attribute("/", "rows", 28);
  writer.close();
  return all;
}

TEST(Hdf5Virtual, ReadsItsSources) {
  const TempFolder folder;
  const std::vector<float> all = write_run(folder);
  require_verified(folder / "v.h5");
  const Hdf5Reader reader(folder / "v.h5");
  EXPECT_EQ(reader.shape("x"), (Shape{5, 2}));
  EXPECT_EQ(reader.shape("empty"), (Shape{0, 2}));
  EXPECT_EQ(reader.read<float>("x"), all);
  for (std::int64_t first = 0; first <= 5; ++first) {
    for (std::int64_t count = 0; first + count <= 5; ++count) {
      std::vector<float> some(static_cast<std::size_t>(count * 2));
      reader.read_rows_as_float("x", first, count, some);
      EXPECT_EQ(some, std::vector<float>(all.begin() + first * 2, all.begin() + (first + count) * 2));
    }
  }
}

/// The library itself, as h5py uses it, reads the same.
TEST(Hdf5Virtual, OthersReadItToo) {
  const TempFolder folder;
  const std::vector<float> all = write_run(folder);
  std::vector<float> values(all.size(), -1.0F);
  const hid_t file = H5Fopen((folder / "v.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  const hid_t dataset = H5Dopen2(file, "x", H5P_DEFAULT);
  EXPECT_GE(H5Dread(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
  H5Dclose(dataset);
  H5Fclose(file);
  EXPECT_EQ(values, all);
}

TEST(Hdf5Virtual, AMovedRunStillWorks) {
  const TempFolder folder;
  std::filesystem::create_directory(folder / "run");
  const std::vector<float> all = write_run(folder);
  std::filesystem::rename(folder / "s", folder / "run/s");
  std::filesystem::rename(folder / "v.h5", folder / "run/v.h5");
  std::filesystem::create_symlink(folder / "run/v.h5", folder / "link.h5");
  EXPECT_EQ(Hdf5Reader(folder / "run/v.h5").read<float>("x"), all);
  EXPECT_EQ(Hdf5Reader(folder / "link.h5").read<float>("x"), all);
}

TEST(Hdf5Virtual, ASourceThatFailsIsNamed) {
  const TempFolder folder;
  write_run(folder);
  const auto source = folder / "s/2.h5";
  const auto expect = [&](const std::vector<std::string>& parts) {
    expect_error<InputError>([&] { (void)Hdf5Reader(folder / "v.h5").read<float>("x"); }, parts);
    expect_error<InputError>([&] { Hdf5Reader(folder / "v.h5").verify(SourceCheck::open); }, parts);
  };
  write_source(source, 2, 4);
  expect({"/x of", "v.h5", "s/2.h5 is f32 [4, 2], not f32 [3, 2]"});
  {
    Hdf5Writer writer(source);
    writer.write<double>("x", std::vector<double>(6), {3, 2});
    writer.close();
  }
  expect({"v.h5", "s/2.h5 is f64 [3, 2], not f32 [3, 2]"});
  {
    Hdf5Writer writer(source);
    writer.write<float>("y", std::vector<float>(6), {3, 2});
    writer.close();
  }
  expect({"v.h5", "there is no /x of", "s/2.h5"});
  test::write_bytes(source, "broken");
  expect({"v.h5", "s/2.h5 is not an HDF5 file"});
  std::filesystem::remove(source);
  expect({"v.h5", "s/2.h5", "no such file"});
}

TEST(Hdf5Virtual, ASourceThatChangesWhileReadingIsNamed) {
  const TempFolder folder;
  write_run(folder);
  const Hdf5Reader reader(folder / "v.h5");
  std::vector<float> rows(10);
  reader.read_rows_as_float("x", 0, 5, rows);
  {
    Hdf5Writer wider(folder / "s/0%b.h5");
    wider.write<float>("x", std::vector<float>(200), {2, 100});
    wider.close();
  }
  expect_error<InputError>([&] { reader.read_rows_as_float("x", 0, 5, rows); }, {"s/0%b.h5 is f32 [2, 100], not"});
  reader.read_rows_as_float("x", 2, 3, std::span(rows).first(6));
  std::filesystem::remove(folder / "s/0%b.h5");
  expect_error<InputError>([&] { reader.read_rows_as_float("x", 0, 5, rows); }, {"/x of", "s/0%b.h5", "no such file"});
}

TEST(Hdf5Virtual, DamagedSourcesAreFound) {
  const TempFolder folder;
  write_run(folder);
  std::string bytes = test::bytes_of(folder / "s/2.h5");
  const float third = 202.0F;
  const auto at = bytes.find(std::string(reinterpret_cast<const char*>(&third), sizeof third));
  ASSERT_NE(at, std::string::npos);
  bytes[at] = 1;
  test::write_bytes(folder / "s/2.h5", bytes);
  expect_error<InputError>([&] { require_verified(folder / "v.h5"); }, {"s/2.h5", "/x", "content hash"});
  require_verified(folder / "v.h5", SourceCheck::open);
}

TEST(Hdf5Virtual, MoreSourcesThanOpenFiles) {
  const TempFolder folder;
  constexpr int count = 120;
  std::vector<VirtualSource> sources;
  std::vector<float> all;
  for (int i = 0; i < count; ++i) {
    sources.push_back({"s/" + std::to_string(i) + ".h5", "/x", 1});
    write_source(folder / sources.back().file, i, 1);
    all.insert(all.end(), {static_cast<float>(i) * 100.0F, static_cast<float>(i) * 100.0F + 1.0F});
  }
  Hdf5Writer writer(folder / "v.h5");
  writer.write_virtual("x", Dtype::f32, {2}, sources);
  writer.close();
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few{40, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  EXPECT_EQ(Hdf5Reader(folder / "v.h5").read<float>("x"), all);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(Hdf5Virtual, OtherMappingsAreRefused) {
  const TempFolder folder;
  write_source(folder / "a.h5", 0, 4);
  const auto expect = [&](hsize_t rows, const std::vector<Mapping>& mappings, const std::string& why) {
    {
      ForeignFile file(folder / "v.h5");
      test::foreign_virtual(file, "x", rows, mappings);
    }
    expect_error<InputError>([&] { (void)Hdf5Reader(folder / "v.h5").shape("x"); }, {"/x of", "v.h5", why});
  };
  expect(6, {{"a.h5", "/x", 0, 4, 0, 4}}, "row 4 is filled by no source");
  expect(6, {{"a.h5", "/x", 2, 4, 0, 4}}, "row 0 is filled by no source");
  expect(6, {{"a.h5", "/x", 0, 4, 0, 4}, {"a.h5", "/x", 2, 4, 0, 4}}, "row 2 is filled by no source, or by two");
  expect(2, {{"a.h5", "/x", 0, 2, 1, 4}}, "something else than a source dataset of shape [2, 2]");
  expect(2, {{"a.h5", "/x", 0, 2, 0, 4}}, "/x of " + (folder / "a.h5").string() + " is f32 [4, 2], not f32 [2, 2]");
  expect(4, {{".", "/x", 0, 4, 0, 4}}, "is virtual itself");
}

TEST(Hdf5Virtual, MappingsOfOtherElementsAreRefused) {
  const TempFolder folder;
  const auto expect = [&](const hsize_t(&first)[2], const hsize_t(&step)[2], const hsize_t(&count)[2],
                          const std::string& why) {
    {
      ForeignFile file(folder / "v.h5");
      const hsize_t shape[2] = {4, 2};
      const hsize_t limit[2] = {H5S_UNLIMITED, 2};
      const hid_t filled = H5Screate_simple(2, shape, limit);
      EXPECT_GE(H5Sselect_hyperslab(filled, H5S_SELECT_SET, first, step, count, nullptr), 0);
      const hid_t taken = H5Scopy(filled);
      const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
      EXPECT_GE(H5Pset_virtual(creation, filled, "a.h5", "/x", taken), 0);
      H5Dclose(H5Dcreate2(file.id(), "x", H5T_IEEE_F32LE, filled, H5P_DEFAULT, creation, H5P_DEFAULT));
      H5Pclose(creation);
      H5Sclose(taken);
      H5Sclose(filled);
    }
    expect_error<InputError>([&] { (void)Hdf5Reader(folder / "v.h5").shape("x"); }, {"/x of", "v.h5", why});
  };
  expect({0, 0}, {2, 1}, {2, 2}, "consecutive whole rows");
  expect({0, 1}, {1, 1}, {4, 1}, "consecutive whole rows");
  expect({0, 0}, {1, 1}, {H5S_UNLIMITED, 2}, "mapping without end");
}

TEST(Hdf5Virtual, ForeignFilesAreRead) {
  const TempFolder folder;
  write_source(folder / "a.h5", 0, 4);
  {
    ForeignFile file(folder / "v.h5");
    test::foreign_virtual(file, "x", 8, {{"a.h5", "x", 4, 4, 0, 4}, {"a.h5", "/x", 0, 4, 0, 4}});
  }
  const Hdf5Reader reader(folder / "v.h5");
  std::vector<float> expected = rows_from(0, 4);
  expected.insert(expected.end(), expected.begin(), expected.begin() + 8);
  EXPECT_EQ(reader.read<float>("x"), expected);
  EXPECT_EQ(reader.verify(), VerifyResult::no_record);
}

TEST(Hdf5Virtual, SourcesMustBeRelative) {
  const TempFolder folder;
  Hdf5Writer writer(folder / "v.h5");
  const std::vector<VirtualSource> absolute{{"/a.h5", "/x", 1}};
  expect_error<SystemError>([&] { writer.write_virtual("x", Dtype::f32, {2}, absolute); }, {"/a.h5", "relative"});
}

}  // namespace hdf5_virtual_test
}  // namespace datus
