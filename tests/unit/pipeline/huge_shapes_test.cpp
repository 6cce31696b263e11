// SPDX-License-Identifier: Apache-2.0
// Small files that promise more than there is memory for.

#include "pipeline/files/cluster_files.hpp"
#include "pipeline/files/descriptors_file.hpp"
#include "pipeline/files/keys_file.hpp"
#include "pipeline/files/keys_reader.hpp"
#include "pipeline/files/segments_file.hpp"
#include "shard_samples.hpp"
#include "support/errors.hpp"
#include "support/temp_folder.hpp"
#include "unit/io/hdf5_foreign.hpp"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace huge_shapes_test {

namespace fs = std::filesystem;

/// How a dataset that nobody filled is stored.
struct Promise {
  const char* name;
  std::vector<hsize_t> chunk;  ///< empty: one run of bytes
  bool compressed;
};

/// For the messages of the test framework, which would show it byte by byte.
void PrintTo(const Promise& promise, std::ostream* stream) {
  *stream << promise.name;
}

hid_t creation_of(const Promise& promise, std::size_t rank) {
  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
  if (promise.chunk.empty()) return creation;
  std::vector<hsize_t> chunk(rank, 1);
  std::copy(promise.chunk.begin(), promise.chunk.end(), chunk.begin());
  EXPECT_GE(H5Pset_chunk(creation, static_cast<int>(rank), chunk.data()), 0);
  if (promise.compressed) {
    EXPECT_GE(H5Pset_deflate(creation, 1), 0);
  }
  return creation;
}

class UnfilledDatasets : public ::testing::TestWithParam<Promise> {
 protected:
  /// A file whose dataset `name` has these lengths, and nothing in it.
  void promise(const std::string& name, hid_t type, const std::vector<hsize_t>& shape) {
    const hid_t creation = creation_of(GetParam(), shape.size());
    ForeignFile file(path());
    file.dataset(name.c_str(), type, shape, type, nullptr, creation);
    H5Pclose(creation);
  }
  void expect_too_large(const std::string& name, const std::function<void()>& read) const {
    ASSERT_LT(fs::file_size(path()), 100'000U);
    expect_error<InputError>(read, {"Cannot use " + name + " of ", "huge.h5", " shape "});
  }
  [[nodiscard]] fs::path path() const { return folder_ / "huge.h5"; }

  TempFolder folder_;
};

TEST_P(UnfilledDatasets, AreRefusedBeforeMemoryIsTaken) {
  for (const hsize_t rows : {hsize_t{1} << 33U, hsize_t{1} << 57U}) {
    promise("keys", H5T_IEEE_F32LE, {rows, 1, 1});
    expect_too_large("/keys", [&] { (void)read_keys(path(), std::nullopt); });
    expect_too_large("/keys", [&] { KeysReader reader(path()); });
    promise("segment", H5T_STD_I16LE, {rows, 4, 5});
    expect_too_large("/segment", [&] { (void)read_segments(path(), std::nullopt); });
    promise("descriptor", H5T_IEEE_F32LE, {rows, 6});
    expect_too_large("/descriptor", [&] { (void)descriptors_in(path(), std::nullopt); });
    promise("centroids", H5T_IEEE_F32LE, {rows, 6});
    expect_too_large("/centroids", [&] { (void)read_centroids(path().string()); });
    promise("assignment", H5T_STD_I32LE, {rows});
    expect_too_large("/assignment", [&] { (void)read_plain_assignment(path().string()); });
    const hid_t text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, 40);
    promise("name", text, {rows});
    H5Tclose(text);
    expect_too_large("/name", [&] { (void)Hdf5Reader(path()).names("name"); });
  }
}

INSTANTIATE_TEST_SUITE_P(Layouts, UnfilledDatasets,
                         ::testing::Values(Promise{"Contiguous", {}, false}, Promise{"SmallChunks", {1}, false},
                                           Promise{"LargeChunks", {hsize_t{1} << 26U}, false},
                                           Promise{"Compressed", {hsize_t{1} << 26U}, true}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Chunks, ThatWereNeverWrittenAreRefused) {
  const TempFolder folder;
  const std::vector<float> row(6, 1.0F);
  const hid_t creation = creation_of({"", {1}, false}, 2);
  {
    ForeignFile file(folder / "holes.h5");
    const hsize_t shape[2] = {3, 6};
    const hid_t space = H5Screate_simple(2, shape, nullptr);
    const hid_t id = H5Dcreate2(file.id(), "centroids", H5T_IEEE_F32LE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    const hsize_t first[2] = {1, 0};
    const hsize_t count[2] = {1, 6};
    const hid_t memory = H5Screate_simple(2, count, nullptr);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, first, nullptr, count, nullptr);
    EXPECT_GE(H5Dwrite(id, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, row.data()), 0);
    H5Sclose(memory);
    H5Dclose(id);
    H5Sclose(space);
  }
  H5Pclose(creation);
  expect_error<InputError>([&] { (void)read_centroids((folder / "holes.h5").string()); },
                           {"6 of its 18 chunks were written"});
}

TEST(Chunks, OfAnyKindAreReadWhole) {
  const TempFolder folder;
  const std::vector<float> values = sample_values(1'000'000, 1);
  for (const bool compressed : {false, true}) {
    const hid_t creation = creation_of({"", {7, 1000}, compressed}, 2);
    {
      ForeignFile file(folder / "whole.h5");
      file.dataset("centroids", H5T_IEEE_F32LE, {100, 10'000}, H5T_NATIVE_FLOAT, values.data(), creation);
    }
    H5Pclose(creation);
    EXPECT_EQ(read_centroids((folder / "whole.h5").string()).values, std::vector<double>(values.begin(), values.end()));
  }
}

}  // namespace huge_shapes_test
}  // namespace datus::test
